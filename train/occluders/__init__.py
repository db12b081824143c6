"""Occluders with known masks: cut-outs and drawn ones, pasted over faces."""
