"""The head behind a face: its full contour, a morphable model of it, and its pose."""
