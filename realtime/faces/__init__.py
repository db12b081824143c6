"""From a frame to its parsed faces: detection, tracking, parsing, smoothing. It knows no files."""
