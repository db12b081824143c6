"""Where a live run is shown: a window, other programs, a recording."""
