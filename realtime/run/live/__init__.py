"""Live runs: what is shown where, and what a viewer changes meanwhile."""
