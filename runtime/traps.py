"""Traps: what stops the machine while a program executes."""

from enum import StrEnum

from runtime.errors import Error


class TrapKind(StrEnum):
    """Why the machine stopped."""

    UNINITIALISED = "uninitialised"
    OUT_OF_BOUNDS = "out-of-bounds"
    MISALIGNED = "misaligned"
    INDEX = "index"
    DIVIDE_BY_ZERO = "divide-by-zero"
    FIFO = "fifo"
    LINK = "link"
    DEADLOCK = "deadlock"
    ILLEGAL = "illegal"
    FUEL = "fuel"


class Trap(Error):
    """The machine stopped; `pc`, `nodes` and, of several, `device` are filled in on the way."""

    def __init__(self, kind: TrapKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.pc: int | None = None
        self.device: int | None = None
        self.nodes: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = "" if self.pc is None else f" at pc {self.pc}"
        where += "" if self.device is None else f" of device {self.device}"
        nodes = f" ({', '.join(self.nodes)})" if self.nodes else ""
        return f"trap {self.kind.value}{where}{nodes}: {self.message}"
