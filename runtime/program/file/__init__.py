"""The bytes of a program file: container, sections, writing."""
