"""Passes of the level `lpu`, and the way to `lpu_mem`."""
