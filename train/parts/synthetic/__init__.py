"""Synthetic heads, rendered with exact part labels and depth."""
