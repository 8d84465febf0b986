"""Layers that are written out: where they are, and which do what the one before them did."""
