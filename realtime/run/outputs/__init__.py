"""Finished outputs and their records, and long videos that are half done."""
