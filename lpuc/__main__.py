"""`python -m lpuc` is the command `lpuc`."""

from lpuc.cli import main

main()
