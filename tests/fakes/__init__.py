"""Fakes, small media and small data that several tests share."""
