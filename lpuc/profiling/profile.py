"""A profile: the time of one run of an entry, who pays for it, and what it could be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from lpuc.profiling.band import Band, band
from lpuc.profiling.better import Better, better
from lpuc.profiling.first import FirstToken, first_token
from lpuc.profiling.floor import Floor
from lpuc.reports.data import plain
from lpuc.reports.prediction import counted, symbols_of
from runtime.generation.device import GENERATE
from runtime.generation.prompt import FED, fed_of
from runtime.program.interface_json import STEP
from runtime.program.program import Program
from runtime.timing import predict
from runtime.timing.events import Engine
from runtime.timing.profiling.accounts import accounts
from runtime.timing.profiling.causes import Spent
from runtime.timing.profiling.path import Piece, critical_path
from runtime.timing.profiling.record import Record, record

FARTHEST = 1 << 17
"""The longest context that is looked at unless a longer one is asked for."""


@dataclass(frozen=True)
class Account:
    """Cycles of an engine that go on something; `waits` says that it stands still meanwhile."""

    engine: str
    spent: str
    waits: bool
    cycles: float


@dataclass(frozen=True)
class Share:
    """What ONNX nodes have of the critical path, in cycles by cause; `layers` that many times."""

    nodes: tuple[str, ...]
    layers: int
    cycles: int
    spent: Mapping[str, int]


@dataclass(frozen=True)
class FloorReport:
    """The floor on this machine; the program's bytes and MACs are those of one device."""

    bytes: int
    macs: int
    seconds: float
    ratio: float
    """Predicted time over the floor."""
    in_order: float
    """Seconds of the second bound, product after product."""
    moved: float
    """Bytes that the program moves on all devices, over those of the floor."""
    multiplied: float
    """MACs of the program on all devices, over those of the floor."""
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    """
    One run: `path` are the cycles of the critical path by cause, and add up to `cycles`.

    `nodes` share out the same cycles among ONNX nodes, one layer at a time; `roles` add layers up.
    """

    target: str
    entry: str
    devices: int
    symbols: Mapping[str, int]
    cycles: int
    seconds: float
    bytes: int
    macs: int
    needed: int
    """Bytes of HBM that weights, cache and activations take on a device, ..."""
    room: int
    """... and those that it has."""
    utilisation: float
    path: Mapping[Spent, int]
    engines: tuple[Account, ...]
    roles: tuple[Share, ...]
    nodes: tuple[Share, ...]
    better: tuple[Better, ...]
    band: Band
    curve: Mapping[int, float]
    """Seconds by context, of the same entry."""
    first: FirstToken | None
    """Of `step`: the first token behind a prompt."""
    floor: FloorReport | None
    floor_refused: str | None
    run: Record = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """The profile as JSON holds it."""
        return plain(self)

    @property
    def verdict(self) -> str:
        """One line: what limits this run, and what would help most."""
        cause, cycles = max(self.path.items(), key=lambda item: item[1])
        limit = f"{cycles / max(1, self.cycles):.0%} of the time goes on {WORDS[cause]}"
        best = self.better[0] if self.better else None
        if best is None or best.gain < 0.005:
            return f"{limit}; no single change of the machine brings half a percent"
        return f"{limit}; {best.what} would save {best.gain:.1%}"


WORDS = {
    Spent.MATRIX: "products", Spent.VECTOR: "the vector engine", Spent.MEMORY: "memory",
    Spent.REFRESH: "refresh", Spent.LINK: "links", Spent.CONTROL: "the control processor",
    Spent.IDLE: "nothing",
}  # fmt: skip


NONE: Mapping[str, int] = MappingProxyType({})


def profiled(
    program: Program, entry: str = "step", context: int | None = None,
    symbols: Mapping[str, int] = NONE, floor: Floor | str | None = None,
    products: Callable[[int], int] | None = None,
) -> Profile:  # fmt: skip
    """
    The profile of a run of an entry with so many tokens in the cache.

    `symbols` gives values by name; of those that are not given it takes the least, but `generate`
    finds its prompt in the cache, all but the last token. `floor` is the least that a token costs,
    or why that is not known; `products` gives the MACs of a prompt.
    """
    known = symbols_of(program, entry, context, symbols)
    symbols = _behind_prompt(program, entry, known, symbols)
    run = record(program, symbols, entry)
    path = critical_path(run)
    least = floor if isinstance(floor, Floor) else None
    return Profile(
        target=program.target.name, entry=entry, devices=program.devices, symbols=symbols,
        cycles=run.cycles, seconds=run.seconds, bytes=run.hbm_bytes, macs=sum(run.macs),
        needed=program.interface.hbm_bytes, room=program.target.hbm_bytes,
        utilisation=run.utilisation, path=_by_cause(run, path), engines=_engines(run),
        roles=_shares(run, path, by_role=True), nodes=_shares(run, path, by_role=False),
        better=better(program, symbols, entry, run.seconds), band=band(program, symbols, entry),
        curve=_curve(program, entry, symbols),
        first=first_token(program, products) if entry == STEP else None,
        floor=None if least is None else _floor(least, program, run),
        floor_refused=floor if isinstance(floor, str) else None, run=run,
    )  # fmt: skip


def _behind_prompt(
    program: Program, entry: str, values: Mapping[str, int], given: Mapping[str, int]
) -> Mapping[str, int]:
    """The symbols, `generate` told that the prompt was fed, as the host does by `prompt_chunk`."""
    if entry != GENERATE or FED in given:
        return values
    return {**values, **fed_of(program.entry(entry), values["prompt"] - 1)}


def _by_cause(run: Record, path: tuple[Piece, ...]) -> dict[Spent, int]:
    """Cycles of the path, of which refresh has its share of moving bytes."""
    found: dict[Spent, int] = defaultdict(int)
    for piece in path:
        found[piece.spent] += piece.end - piece.begin
    moving = found.get(Spent.MEMORY, 0)
    if refresh := round(moving * (1 - run.target.refresh_leaves)):
        found[Spent.MEMORY] -= refresh
        found[Spent.REFRESH] += refresh
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _engines(run: Record) -> tuple[Account, ...]:
    sums: dict[tuple[str, str, bool], float] = defaultdict(float)
    for entry, cycles in accounts(run).items():
        sums[entry.engine, entry.spent, entry.waits] += float(cycles)
    order = [str(engine) for engine in Engine]
    rows = sorted(sums.items(), key=lambda row: (order.index(row[0][0]), -row[1]))
    return tuple(Account(*key, cycles) for key, cycles in rows)


def _shares(run: Record, path: tuple[Piece, ...], by_role: bool) -> tuple[Share, ...]:
    """What the groups of nodes have of the path, the most first."""
    spent: dict[tuple[str, ...], dict[str, int]] = {}
    layers: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
    for piece in path:
        group = run.roles[piece.number] if by_role else piece.nodes
        layers[group].add(piece.nodes)
        mine = spent.setdefault(group, {})
        mine[piece.spent] = mine.get(piece.spent, 0) + piece.end - piece.begin
    rows = [
        Share(nodes, len(layers[nodes]), sum(mine.values()), mine) for nodes, mine in spent.items()
    ]
    return tuple(sorted(rows, key=lambda row: -row.cycles))


def _curve(program: Program, entry: str, symbols: Mapping[str, int]) -> dict[int, float]:
    """The time over the context, where one symbol of the entry counts it; others stay.

    It ends with the bound, or, far below a bound that is larger, with the context that was asked
    for: a run has as many instructions as the cache has pieces.
    """
    name = None if entry == GENERATE else counted(entry, program.entry(entry), symbols)
    if name is None:
        return {}
    (symbol,) = [s for s in program.entry(entry).symbols if s.name == name]
    last = min(symbol.upper, max(FARTHEST, symbols[name]))
    wanted = {symbol.lower, 32, 128, 512, 1040, 2047, 8192, 32767, last}
    inside = sorted(n for n in wanted if symbol.lower <= n <= last)
    return {n: predict(program, {**symbols, name: n}, entry=entry).seconds for n in inside}


def _floor(floor: Floor, program: Program, run: Record) -> FloorReport:
    target, devices = program.target, program.devices
    least = floor.seconds(target, devices)
    return FloorReport(
        floor.bytes, floor.macs, least, run.seconds / least, floor.in_order(target, devices),
        run.hbm_bytes * devices / floor.bytes, sum(run.macs) * devices / max(1, floor.macs),
        floor.notes,
    )  # fmt: skip
