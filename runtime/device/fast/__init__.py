"""The fast path: calls prepared once for each set of register values of an instruction."""
