"""The face finder: one small network over the whole frame, trained on composed pictures."""
