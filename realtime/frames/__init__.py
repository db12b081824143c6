"""Frames: types, colours, planes, the geometry of crops, resampling, and depth as a network sees it."""
