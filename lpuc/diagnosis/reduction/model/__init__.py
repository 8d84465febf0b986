"""Models: what they are made of, how they become smaller."""
