"""Capture, detect, crop, parse, smooth, draw, sink: everything that happens to a frame."""
