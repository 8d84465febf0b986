"""Execution: one program on one device."""
