"""Prompts in chunks, of random decoders: what a step gives behind them, at every level."""
