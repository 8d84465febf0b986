"""What is proved of a program for several devices whenever it is loaded.

    check(program)          # Unsafe, with a rule, instructions, devices and ONNX nodes, or nothing

All devices execute one text. The check executes it for all of them at once on *tags* instead of
data: of every byte of the LMU whose it is (device), from which write (instruction and turn), and
how far from there it lies (offset). It holds that

* no device waits for ever, whatever the pace of each, and nothing is left on a link;
* every message has the extents and the type with which it is received;
* what is exchanged is read only where every device has it, all of it, of one instruction and one
  turn, where the device that it is of has it itself;
* branches, loops, extents and tokens depend on nothing that may differ between devices;
* what is computed, put into blocks and sent is what was meant, where the program says that.

Addresses of blocks are concrete, `d0`, `d1`, ... have the numbers of each device. Symbols and turns
are ranges: an extent counts at its greatest, and an address in the LMU that depends on them may be
anywhere in its range. Of operands that have fewer bytes with other numbers, those are tried
(`memory.fewer`, `memory.growing`). Loops are executed turn by turn where an address of what is
exchanged depends on the turn, or bytes of it in HBM (`memory.far`); where nobody counts the turns,
those bytes are known behind the loop (`memory.late`). So what holds is proved for all values.
What a device computes for itself is not looked at: a wrong address of an operand that has nothing
to do with an exchange is none of the matter here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from runtime.isa.meant import mixed
from runtime.isa.spec import Inst
from runtime.ring.checks.load.layers.again import Unlike
from runtime.ring.checks.load.meant import Meaning
from runtime.ring.checks.load.memory.runs import Content, Kind
from runtime.ring.checks.load.refusal import Narrator, Unsafe
from runtime.ring.checks.load.state import State
from runtime.ring.checks.load.values import FIRST_SYMBOL, Span
from runtime.ring.checks.load.walk import Walk
from runtime.target import Target

__all__ = ["Start", "Unsafe", "check"]

Pair = tuple[int, int]


@dataclass(frozen=True)
class Start:
    """Where an entry starts and with what: numbers and ranges of registers, by register.

    `neighbours` are registers that hold the number of the device that is so many to the right.
    `private` is HBM up to where devices have different parameters, `alike` the bytes of HBM that
    the host gives all devices alike. `names` are those of symbols. `meant` is what the code of the
    entry was meant to do (`runtime.isa.meant`), if that is known.
    """

    pc: int
    numbers: Mapping[int, int] = field(default_factory=dict[int, int])
    ranges: Mapping[int, Pair] = field(default_factory=dict[int, Pair])
    neighbours: Mapping[int, int] = field(default_factory=dict[int, int])
    private: int = 0
    alike: Sequence[Pair] = ()
    names: Mapping[int, str] = field(default_factory=dict[int, str])
    meant: Sequence[str] | None = None


def check(
    code: Sequence[Inst], starts: Sequence[Start], nodes_at: Callable[[int], Sequence[str]],
    target: Target, devices: int,
) -> None:  # fmt: skip
    """Raise Unsafe unless devices in a ring can run every entry of a valid program.

    `nodes_at` names the ONNX nodes of a pc, for messages.
    """
    narrator = Narrator(code, nodes_at)
    walk = Walk(narrator, devices, target)
    try:
        _walk(walk, starts, devices)
    except Unlike:
        _walk(Walk(narrator, devices, target, shortens=False), starts, devices)
    _check_meant(walk, starts)


def _walk(walk: Walk, starts: Sequence[Start], devices: int) -> None:
    for start in starts:
        walk.run(walk.narrator.at(start.pc), _entered(start, devices))


def _check_meant(walk: Walk, starts: Sequence[Start]) -> None:
    meaning = Meaning(walk)
    for start in starts:
        if start.meant is not None:
            symbols = {register: mixed("symbol", name) for register, name in start.names.items()}
            meaning.check(walk.narrator.at(start.pc), {**symbols, **start.numbers}, start.meant)


def _entered(start: Start, devices: int) -> State:
    """What is known when an entry starts."""
    state = State()
    for register, value in start.numbers.items():
        state.registers[register] = value
    for bit, (register, (low, high)) in enumerate(start.ranges.items()):
        number = Span(low, high, FIRST_SYMBOL << bit)
        state.registers[register] = low if low == high else number
    for register, j in start.neighbours.items():
        state.registers[register] = tuple((device + j) % devices for device in range(devices))
    if start.private:
        state.hbm.put(0, start.private, Content(Kind.OWN, 0))
    for low, high in start.alike:
        if low < high:
            state.hbm.put(low, high, Content(Kind.SAME, 0))
    return state
