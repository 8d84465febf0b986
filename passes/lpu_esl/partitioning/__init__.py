"""Forms of values on several devices, and how one becomes another."""
