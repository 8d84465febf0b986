"""The instruction classes, by family."""
