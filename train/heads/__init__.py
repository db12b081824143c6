"""From landmarks to the head: the full-face contour, the morphable head model, and its pose."""
