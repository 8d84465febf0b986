"""Where values are rounded to a shorter float type, and where they are not."""
