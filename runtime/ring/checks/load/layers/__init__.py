"""Layers that are written out: where they are, and how those that are alike are left out."""
