"""Teachers: each finds the visible part of a face without human labels."""
