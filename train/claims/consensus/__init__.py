"""The claims of Structure via Consensus."""
