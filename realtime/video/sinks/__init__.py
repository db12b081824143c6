"""Where frames go: video files with their sound, images, a window."""
