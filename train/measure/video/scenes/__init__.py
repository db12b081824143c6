"""Composes scenes of people, occluders and walls, each frame with its exact truth."""
