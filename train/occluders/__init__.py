"""Occluders with known masks, cut out of pictures or drawn, and how they are pasted over faces."""
