"""Rules of `lpu-fold-constants` and `lpu-fold-indices`."""
