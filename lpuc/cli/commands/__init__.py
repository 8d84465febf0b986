"""One file for each command, each with a function of its name."""
