"""Text to tokens and back, by a `tokenizer.json`."""
