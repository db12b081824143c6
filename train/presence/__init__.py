"""The second output of a parser: whether its crop holds a face, and which way up. Trained on the frozen network."""
