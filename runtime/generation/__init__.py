"""Tokens out of a program: the loop on the device, the loop on the host, the choice of a token."""
