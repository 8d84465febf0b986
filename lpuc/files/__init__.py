"""Files of a user: read within limits, written whole or not at all."""
