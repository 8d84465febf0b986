"""The levels of IR, what runs each, what it is run on, and how far right numbers may be off."""
