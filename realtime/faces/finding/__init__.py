"""The project's own face finder."""
