"""The claims of Cross-Domain Mutual Learning."""
