"""Whether a function takes each token of a prompt as a step would take it: `check_causal`."""
