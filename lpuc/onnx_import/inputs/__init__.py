"""What a user says of inputs: extents by name, and values that make them constants."""
