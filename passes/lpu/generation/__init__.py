"""What `lpu-derive-generate` is made of: the decoder in `step`, copies of it, the token loop."""
