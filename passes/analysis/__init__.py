"""Facts about IR: computed when asked for, never stored."""
