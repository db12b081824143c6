"""The pictures of a face finder's training: what they are composed of, and how."""
