"""How operations on buffers become instructions on virtual registers."""
