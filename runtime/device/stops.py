"""What stops a run without being a fault; raised by the instruction that comes next."""

from collections.abc import Callable


class Halted(Exception):
    """Raised by `halt`: the program is complete."""


class Output(Exception):
    """Raised by `out` behind its effect: the host can take a value. Execution goes on at `pc`."""

    def __init__(self, pc: int) -> None:
        super().__init__(pc)
        self.pc = pc


class Blocked(Exception):
    """Raised by an instruction that cannot proceed, without any effect.

    `reason` says on what it waits, and `ready` whether it can proceed by now.
    """

    def __init__(self, reason: str, ready: Callable[[], bool]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.ready = ready
