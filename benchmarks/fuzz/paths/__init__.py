"""The fast path of the machine against the executable specifications of its instructions."""
