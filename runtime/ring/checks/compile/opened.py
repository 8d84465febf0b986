"""Loops whose turns are walked."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from runtime.ring.checks.compile.content.areas import Area
from runtime.ring.checks.compile.hbm.staged import Far
from runtime.ring.checks.compile.links import Queues
from runtime.ring.checks.compile.state import State
from runtime.ring.checks.compile.values import Registers, Value


class Turn(NamedTuple):
    """What a turn of a loop finds: registers, and what turns before it lost of what was gathered.

    A turn that is walked again finds the same in registers, so that what was made of them before is
    known.
    """

    registers: Registers
    lost: Iterable[Area]
    far: Far
    kept: set[Area] | None = None


class Open(NamedTuple):
    """A loop whose turn is walked: the areas that it finds, what was in flight before it.

    `kept` are the scalars that it may load, by address. `before` is what was known before it, and
    `counts` what had been counted: where a turn loses what was gathered, it is walked again. Where
    turns are walked one by one, `rest` are the values of the counter in those that come. `tiles` is
    how many were found before.
    """

    head: int
    tail: int
    areas: set[Area]
    queues: Queues
    kept: dict[int, Value]
    before: State
    turn: Turn
    counts: tuple[int, int]
    tiles: int
    rest: Iterator[int] | None = None
