"""What `lpu-mem-schedule` reads of a block and how it judges an order; see its docstring."""
