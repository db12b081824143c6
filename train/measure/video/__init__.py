"""Evaluation on composed clips and pictures: their ground truth is known in every pixel of every frame."""
