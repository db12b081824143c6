"""Training data: labelled faces, the split, and the samples that are composed of them."""
