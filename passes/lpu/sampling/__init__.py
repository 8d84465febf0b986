"""How the device chooses a token: the specification of `lpuc.sampling` in `lpu` operations."""
