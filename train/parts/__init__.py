"""RGB-D data and part labels: Face Parsing from RGB and Depth Using Cross-Domain Mutual Learning, section 3.1."""
