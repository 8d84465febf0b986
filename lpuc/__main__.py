"""The command `lpuc`, which `python -m lpuc` is too: interrupts are quiet from its start on."""

from __future__ import annotations

from typing import NoReturn

from lpuc.signals import leave_on_signals


def main() -> NoReturn:
    """The entry point."""
    leave_on_signals()
    from lpuc.cli import main

    main()


if __name__ == "__main__":
    main()
