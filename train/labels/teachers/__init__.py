"""The teachers of pseudo-labels: what says where the visible face is."""
