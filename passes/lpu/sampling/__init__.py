"""How the device chooses a token: `lpuc.generation.sampling` in `lpu` operations."""
