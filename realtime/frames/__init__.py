"""What a frame is: its types, colours and planes, the geometry of crops, resampling, depth as a network sees it."""
