"""Losses. Each returns named terms; the total is under `total`."""
