"""Where frames come from: video files, streams, cameras, images, and depth that belongs to them."""
