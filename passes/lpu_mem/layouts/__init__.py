"""How weights and caches are laid out in HBM."""
