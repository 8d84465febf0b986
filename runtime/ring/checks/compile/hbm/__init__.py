"""What lies in HBM of what devices exchange."""
