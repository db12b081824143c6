"""Part labels and depth for Cross-Domain Mutual Learning (section 3.1), from photographs and from rendered heads."""
