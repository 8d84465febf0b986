"""Factors of extents: what is cut alike, and what there is to cut."""
