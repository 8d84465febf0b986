"""What the inputs of a decoder are, and what that says of their extents."""
