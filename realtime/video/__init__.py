"""How frames come and go: sources, sinks, and PyAV between them. It knows no faces."""
