"""Evaluation of models of parts and of depth."""
