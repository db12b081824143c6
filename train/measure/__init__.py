"""Metrics and evaluations, and the tables and sheets that show them."""
