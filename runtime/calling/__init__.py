"""Calling a program: what a caller may give, what it is told, and the object that it holds."""
