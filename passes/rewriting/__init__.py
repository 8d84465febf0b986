"""What changes IR, for the passes of every level."""
