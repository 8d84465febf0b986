"""Judge what is done on tensors by the values that runs before and behind a pass share."""
