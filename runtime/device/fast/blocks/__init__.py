"""Straight-line code of a program, which is executed a block at a time."""
