"""Judge what is done on buffers and by instructions, by what operations write."""
