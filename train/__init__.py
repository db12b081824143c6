"""Makes the networks and their pseudo-labels. Needs the extra `train` (torch)."""
