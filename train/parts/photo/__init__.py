"""Part labels and depth from one photograph."""
