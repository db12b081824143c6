"""Part labels and depth from drawn heads."""
