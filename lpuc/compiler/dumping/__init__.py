"""IR in files that can be fed back: how it is written, what it says of itself, how it is read."""
