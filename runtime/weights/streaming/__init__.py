"""Elements of recipes in row-major order, a few megabytes at a time."""
