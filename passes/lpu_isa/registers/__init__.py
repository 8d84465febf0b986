"""How virtual registers become those of the machine."""
