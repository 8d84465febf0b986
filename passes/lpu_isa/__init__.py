"""Passes of the level `lpu_isa`."""
