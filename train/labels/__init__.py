"""Pseudo-labels for photographs and videos, and how each was made."""
