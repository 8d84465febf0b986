"""What the extents and the integer contents of values are, operator by operator."""
