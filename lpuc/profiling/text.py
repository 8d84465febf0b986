"""A profile on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lpuc.errors import printable
from lpuc.profiling.first import FirstToken
from lpuc.profiling.profile import FloorReport, Profile, Share
from lpuc.reports.lines import rows, size
from runtime.timing.events import Engine

SHOWN = 12
"""Rows of nodes, unless more are asked for."""


def lines(found: Profile, shown: int = SHOWN) -> Iterator[str]:
    """The profile as tables, the verdict first."""
    yield found.verdict
    yield ""
    yield rows(facts(found))
    yield "\ncritical path    cycles       us       %"
    yield from _path(found)
    yield "\nengine         works  waits for"
    yield from _engines(found)
    yield f"\n{'ONNX nodes':44}{'x':>4}{'us':>10}{'%':>7}  spent on"
    yield from _nodes(found, found.roles, shown)
    if found.better:
        yield "\nwhat a better machine would bring"
        yield from (f"  {one.what:36}{ms(one.seconds):>12}{one.gain:>9.1%}" for one in found.better)
    if len(found.curve) > 1:
        yield "\ncontext      ms"
        yield from (f"  {context:<8}{ms(seconds):>10}" for context, seconds in found.curve.items())


def ms(seconds: float) -> str:
    """Milliseconds with three digits that count."""
    return f"{seconds * 1e3:#.3g}"


def facts(found: Profile) -> Iterable[tuple[str, str]]:
    """The run and its figures by name; what says more of a figure has none."""
    machines = f", {found.devices} in a ring" if found.devices > 1 else ""
    yield "target", printable(found.target) + machines
    at = ", ".join(f"{name} = {value}" for name, value in found.symbols.items())
    yield "run", f"{found.entry}{f', {at}' if at else ''}"
    yield "time", f"{ms(found.seconds)} ms, {found.cycles} cycles"
    if found.needed > found.room:
        yield "", f"does not fit: needs {size(found.needed)} of HBM, has {size(found.room)}"
    share = f"{found.utilisation:.1%} of the bandwidth"
    if found.band.assumed:
        yield "", f"{_band(found)} ms, as what is assumed of the machine turns out"
    yield "memory", f"{size(found.bytes)} moved{_each(found)}, {share}"
    yield "products", f"{found.macs:,} multiplications{_each(found)}"
    if found.first is not None:
        yield "first token", _first(found.first)
    if found.floor is not None:
        yield from _floor(found.floor)
    if found.floor_refused is not None:
        yield "floor", f"not known: {printable(found.floor_refused)}"


def _band(found: Profile) -> str:
    return f"{ms(found.band.optimistic)} to {ms(found.band.pessimistic)}"


def _first(first: FirstToken) -> str:
    chunks = f"{first.chunks} chunks of {first.width}, then " if first.chunks else ""
    limit = "" if first.limit is None else f"; products alone {ms(first.limit)} ms"
    one_by_one = f"{chunks}{first.tokens} one by one"
    return f"{ms(first.seconds)} ms behind a prompt of {first.prompt} ({one_by_one}){limit}"


def _each(found: Profile) -> str:
    return " on each" if found.devices > 1 else ""


def _floor(floor: FloorReport) -> Iterable[tuple[str, str]]:
    yield "floor", f"{ms(floor.seconds)} ms; this is {floor.ratio:.3f} times that"
    yield "", f"{ms(floor.in_order)} ms if products follow each other"
    moved = f"moved {floor.moved:.3f} times the {size(floor.bytes)}"
    yield "", f"{moved}, multiplied {floor.multiplied:.3f} times the {floor.macs:,} it takes"
    for note in floor.notes:
        yield "", f"not counted: {printable(note)}"


def _path(found: Profile) -> Iterator[str]:
    for cause, cycles in found.path.items():
        us = cycles / found.cycles * found.seconds * 1e6
        yield f"  {cause:12}{cycles:>9}{us:>9.2f}{cycles / found.cycles:>8.1%}"


def _engines(found: Profile) -> Iterator[str]:
    """A line for each engine that does something: how long it works, for what it waits."""
    for engine in Engine:
        mine = [row for row in found.engines if row.engine == engine]
        works = sum(row.cycles for row in mine if not row.waits)
        if works:
            waits = (row for row in mine if row.waits and row.cycles >= found.cycles / 1000)
            told = ", ".join(f"{row.spent} {row.cycles / found.cycles:.1%}" for row in waits)
            yield f"  {engine.lower():12}{works / found.cycles:>6.1%}  {told}"


def _nodes(found: Profile, shares: tuple[Share, ...], shown: int) -> Iterator[str]:
    for share in shares[:shown]:
        us = share.cycles / found.cycles * found.seconds * 1e6
        name = _name(share.nodes)
        yield (
            f"{name:44}{share.layers:>4}{us:>10.2f}{share.cycles / found.cycles:>7.1%}"
            f"  {_spent(share.spent)}"
        )
    if rest := shares[shown:]:
        left = sum(share.cycles for share in rest)
        yield f"and {len(rest)} more{left / found.cycles:>{55}.1%}"


def _spent(spent: Mapping[str, int]) -> str:
    total = sum(spent.values())
    ordered = sorted(spent.items(), key=lambda item: -item[1])
    kept = [(cause, n) for cause, n in ordered if n * 20 >= total and n]
    return ", ".join(f"{cause} {n / total:.0%}" if len(kept) > 1 else cause for cause, n in kept)


def _name(nodes: tuple[str, ...]) -> str:
    if nodes == ():
        return "(none)"
    more = f" and {len(nodes) - 1} more" if len(nodes) > 1 else ""
    room = 43 - len(more)
    first = printable(next(iter(nodes)))
    return (first if len(first) <= room else f"{first[: room - 3]}...") + more
