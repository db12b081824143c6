"""The demo: a sample clip, what `unveil process` makes of it, and a sheet of stills."""
