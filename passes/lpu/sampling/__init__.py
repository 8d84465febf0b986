"""How the device chooses a token: `runtime.generation.sampling` in `lpu` operations."""
