"""One device: registers, memories, the operand FIFO and the products."""
