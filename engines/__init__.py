"""The contract: what a network eats and returns, how it is compiled, and what a compiled engine is."""
