"""Engines of a device as the library takes them, and the call that goes through instructions.

    machine = Machine(library, constant, parts)
    machine.give(numbers, queues, panels, rows)
    done, events, wanted = machine.execute(steps, first, count)
    numbers = machine.take()

The numbers are named in engines.h.
"""

import ctypes
import struct
from collections.abc import Sequence

import numpy as np

from runtime.native.channels import Ints, address

ENGINES = 9
WORK = struct.Struct("10q")
"""What comes before the needs in `struct work`."""
STEP, EVENT, HELD = 5, 15, 25
"""Numbers of a step, an event and a panel."""
CONSTANT = struct.Struct("9q")
SCRATCH = struct.Struct("3q")
STATE = struct.Struct("97q")
"""`struct engines`: what does not change, where passes are worked out, and the rest."""
MANY = 1 << 17
"""As engines.h has it."""
FEW = 1 << 10
"""Granules, ends and beats of an instruction for which there is room at first."""


class Machine:
    """Where the engines of a device stand; `parts` are the LMU and the FIFO, by address."""

    def __init__(
        self, library: ctypes.CDLL, constant: Sequence[int], parts: tuple[int, int], depth: int
    ) -> None:
        self._call = library.lpuc_execute
        self._call.restype = ctypes.c_int64
        self._call.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p]
        self._buffer = bytearray(CONSTANT.size + SCRATCH.size + STATE.size)
        self._at = ctypes.addressof(ctypes.c_char.from_buffer(self._buffer))
        self.queues = np.zeros((ENGINES, depth, 2), np.int64)
        self._queues = [address(waits) for waits in self.queues]
        CONSTANT.pack_into(self._buffer, 0, *constant, *parts)
        self._granules = self._beats = 0
        self.need(FEW, FEW)

    def need(self, granules: int, beats: int) -> None:
        """Have room for so many granules and ends, and beats, of one instruction."""
        beats = min(beats, MANY)
        if granules > self._granules or beats > self._beats:
            self._granules = max(2 * granules, self._granules)
            self._beats = max(beats, self._beats)
            passes = np.zeros((2, self._granules), np.int64)
            self._scratch = passes, np.zeros(self._beats, np.int64)
            where = (*map(address, passes), address(self._scratch[1]))
            SCRATCH.pack_into(self._buffer, CONSTANT.size, *where)

    def give(self, clocks: Sequence[int], counts: Sequence[int], more: Sequence[int]) -> None:
        """Tell the library where all stands.

        `clocks` come before the queues, which have `counts` waits, and `more` behind them.
        """
        queues = (n for at, count in zip(self._queues, counts, strict=True) for n in (0, count, at))
        where = CONSTANT.size + SCRATCH.size
        STATE.pack_into(self._buffer, where, *clocks, *queues, *more, 0, 0)

    def take(self) -> tuple[int, ...]:
        """Where all stands, as `struct engines` has it from `number` on."""
        return STATE.unpack_from(self._buffer, CONSTANT.size + SCRATCH.size)

    def execute(self, steps: Ints, count: int, unsent: int) -> tuple[int, Ints, int]:
        """Go through instructions: how many, their events, and how many beats of the next one have
        no room, if that is why it is left.

        So many panels are not sent. `steps` has `count` rows of `STEP` numbers.
        """
        found = np.empty((count + unsent, EVENT), np.int64)
        done = self._call(self._at, address(steps), count, address(found))
        *_, events, wanted = self.take()
        return done, found[:events], wanted
