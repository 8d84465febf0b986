"""What holds of programs for several devices, beyond what holds of each."""
