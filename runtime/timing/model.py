"""Predicted time of one run of a program: its scalar control flow, without any data.

timing = predict(program, {"P": 255})
timing.seconds, timing.utilisation, timing.nodes["/layers.0/attn/MatMul"]
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from runtime.isa.encoding import word_addresses
from runtime.isa.instructions.net import Send
from runtime.isa.spec import Unit
from runtime.program.program import Program
from runtime.timing.engines import NET
from runtime.timing.events import Engine, Event
from runtime.timing.hbm import rates
from runtime.timing.profiling.owed import Owed, Sums
from runtime.timing.steady import Steady, happening
from runtime.timing.walk import Walk

FUEL = 20_000_000
UNITS = {
    Engine.ICP: Unit.ICP, Engine.SXE: Unit.SXE, Engine.VXE: Unit.VXE, Engine.STREAM: Unit.MEM,
    Engine.TRANSFER: Unit.MEM, Engine.SEND_LEFT: Unit.NET, Engine.SEND_RIGHT: Unit.NET,
    Engine.RECV_LEFT: Unit.NET, Engine.RECV_RIGHT: Unit.NET,
}  # fmt: skip


@dataclass(frozen=True)
class Timing:
    """A prediction. `busy` are cycles in which an engine works, `counts` executed instructions.

    Of several devices it is the time of one: all do the same thing at the same time. `sent` are
    bytes that it sends, by side, and `exchange` are the seconds by which sending and receiving move
    the end of the run. Of the four engines of NET the busiest is counted.

    `nodes` are the seconds by which each ONNX node moves the end of the run: what runs in the
    shadow of earlier instructions counts nothing. They add up to `seconds`, with "" for code that
    belongs to no node.
    """

    symbols: Mapping[str, int]
    cycles: int
    seconds: float
    busy: Mapping[Unit, int]
    hbm_bytes: int
    utilisation: float
    counts: Mapping[str, int]
    nodes: Mapping[str, float]
    sent: Mapping[str, int]
    exchange: float

    @property
    def messages(self) -> int:
        """How many messages a device sends to both neighbours."""
        return self.counts.get(Send.MNEMONIC, 0)

    @property
    def link_bytes(self) -> int:
        """Bytes that a device sends to both neighbours."""
        return sum(self.sent.values())


def predict(
    program: Program, symbols: Mapping[str, int], fuel: int = FUEL, entry: str = "step",
    most: int | None = None,
) -> Timing:  # fmt: skip
    """The time of one run of an entry for given values of its symbols.

    Trap when the program cannot run, not with `fuel` instructions or `most` elements, or when its
    flow depends on data.
    """
    owed = Owed(program.target)
    return _timing(program, symbols, events(program, symbols, fuel, entry, most, owed), owed)


def events(
    program: Program, symbols: Mapping[str, int], fuel: int = FUEL, entry: str = "step",
    most: int | None = None, owed: Owed | None = None,
) -> Iterator[Event]:  # fmt: skip
    """What happens in a run, in the order in which it becomes known; `owed` is told what is due."""
    owed = owed or Owed(program.target)
    machine = Steady(program.target, owed.request)
    run = happening(
        Walk(program, symbols, entry), machine, lambda step: owed.note(step.inst, step.work), fuel,
        most,
    )  # fmt: skip
    yield from owed.watched(run)
    owed.leave(machine.engines.fifo.unsent)


def _timing(
    program: Program, symbols: Mapping[str, int], run: Iterable[Event], owed: Owed
) -> Timing:  # fmt: skip
    """The fold over the events of a run, which add up to what is owed behind them."""
    target, end = program.target, 0
    executed, moved = Counter[int](), Counter[int]()
    sums = {engine: [0, 0, 0] for engine in Engine}
    exposed = Counter[Unit]()
    for _, pc, engine, _, _, _, _, over, taken, size, _, _, _ in run:
        executed[pc] += 1
        own = sums[engine]
        own[0] += 1
        own[1] += taken
        own[2] += size
        if over > end:
            moved[pc] += over - end
            exposed[UNITS[engine]] += over - end
            end = over
    owed.compare({engine: Sums(*own) for engine, own in sums.items()})
    busy = {engine: own[1] for engine, own in sums.items()}
    served = {engine: own[2] for engine, own in sums.items()}
    seconds = end / target.clock_hz
    moved_bytes = served[Engine.STREAM] + served[Engine.TRANSFER]
    return Timing(
        dict(symbols), end, seconds, _busy(busy, rates(target).units), moved_bytes,
        moved_bytes / (seconds * target.hbm_bandwidth) if end else 0.0,
        _counts(program, executed), _nodes(program, moved),
        {side: served[engine] for side, engine in NET[Send].items()},
        exposed[Unit.NET] / target.clock_hz,
    )  # fmt: skip


def _busy(busy: Mapping[Engine, int], units: int) -> dict[Unit, int]:
    """Cycles by unit; the channels count in units."""
    channels = busy.get(Engine.STREAM, 0) + busy.get(Engine.TRANSFER, 0)
    found = dict.fromkeys(Unit, 0)
    for engine in Engine:
        found[UNITS[engine]] = max(found[UNITS[engine]], busy.get(engine, 0))
    return found | {Unit.MEM: -(-channels // units)}


def _counts(program: Program, executed: Mapping[int, int]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for pc, inst in zip(word_addresses(program.code), program.code, strict=True):
        counts[inst.MNEMONIC] += executed.get(pc, 0)
    return dict(counts)


def _nodes(program: Program, moved: Mapping[int, int]) -> dict[str, float]:
    clock, seconds = program.target.clock_hz, {"": 0.0}
    for pc, cycles in moved.items():
        names = program.provenance.nodes_at(pc) or ("",)
        for name in names:
            seconds[name] = seconds.get(name, 0.0) + cycles / clock / len(names)
    return seconds
