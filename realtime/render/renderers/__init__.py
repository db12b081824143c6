"""One file for each renderer. A new file here is a new renderer (see `realtime.render.registry`)."""
