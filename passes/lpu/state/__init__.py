"""What `lpu-cache-to-state` is made of: the search for pairs of past and present."""
