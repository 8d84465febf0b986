"""The program file: container, interface, provenance, validation, text."""
