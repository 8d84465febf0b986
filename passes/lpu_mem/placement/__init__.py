"""How long buffers live, and where they lie."""
