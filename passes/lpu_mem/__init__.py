"""Passes of the level `lpu_mem`, and the way to `lpu_isa`."""
