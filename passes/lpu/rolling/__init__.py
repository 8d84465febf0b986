"""What `lpu-roll-layers` is made of: dependences, segments, repeats, columns, and the loop."""
