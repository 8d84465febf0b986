"""What the LMUs of all devices hold: shapes of operands, slots, areas, and what may be read."""
