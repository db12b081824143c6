"""Cross-Domain Mutual Learning: an RGB parser, a depth parser and an RGB-to-depth translator, trained together."""
