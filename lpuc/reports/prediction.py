"""Predicted times of the entries of a program, as data."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from runtime.errors import BadOption
from runtime.generation.prompt import FED, chunks_before, fed_of
from runtime.options import one_of, whole
from runtime.program.interface import Dim, Interface, call_symbols
from runtime.program.interface_json import CHUNK, STEP
from runtime.program.program import Program
from runtime.timing import predict
from runtime.traps import Trap

FUEL = 250_000


@dataclass(frozen=True)
class Prediction:
    """
    The time of one run of an entry for given values of its symbols.

    `utilisation` is the share of the bandwidth of device memory that is used, 0 to 1. Of several
    devices it is the time of one: all do the same thing at the same time.
    """

    entry: str
    symbols: dict[str, int]
    cycles: int
    seconds: float
    utilisation: float
    bandwidth: float
    """Bytes a second that device memory has at most."""
    messages: int = 0
    """Messages that each of several devices sends to its neighbours."""
    sent: Mapping[str, int] = field(default_factory=dict[str, int])
    """Bytes of them by side: `left` and `right`."""
    exchange: float = 0.0
    """Seconds by which sending and receiving move the end: what no other work hides."""
    chunks: int = 0
    """Runs of `prompt_chunk` that come first and are counted in all figures."""


def predicted(
    program: Program, entry: str, context: int | None, symbols: Mapping[str, int],
    most: int | None = None,
) -> Prediction:  # fmt: skip
    """
    The time of an entry; `Trap` if it cannot run, or not with `most` elements.

    That of `generate` begins with chunks of the prompt, as a host runs them.
    """
    values = symbols_of(program, entry, context, symbols)
    starts, fed = _chunks(program, entry, values) if FED not in symbols else ([], {})
    values |= fed
    runs = [predict(program, chunk, FUEL, CHUNK, most) for chunk in starts]
    runs.append(predict(program, values, FUEL, entry, most))
    seconds, peak = sum(run.seconds for run in runs), program.target.hbm_bandwidth
    sent = {side: sum(run.sent[side] for run in runs) for side in runs[-1].sent}
    return Prediction(
        entry, values, sum(run.cycles for run in runs), seconds,
        sum(run.hbm_bytes for run in runs) / (seconds * peak) if seconds else 0.0, peak,
        sum(run.messages for run in runs), sent, sum(run.exchange for run in runs), len(starts),
    )  # fmt: skip


def _chunks(
    program: Program, entry: str, values: Mapping[str, int]
) -> tuple[list[dict[str, int]], dict[str, int]]:
    """The symbols of the chunks of a prompt, and the one that then says how many they took."""
    interface = program.entry(entry)
    chunks = chunks_before(program, interface)
    if chunks is None:
        return [], {}
    end = values["prompt"] - 1
    fed = fed_of(interface, chunks.reached(0, end))
    return [{chunks.past: start} for start in chunks.starts(0, end)], fed


def symbols_of(
    program: Program, entry: str, context: int | None, symbols: Mapping[str, int]
) -> dict[str, int]:
    """The symbols of a run: those given, those that the context says, and the least of others."""
    one_of("entry", entry, [name for name, _ in program.entries])
    interface = program.entry(entry)
    known = call_symbols(interface, program.devices)
    values = {symbol.name: symbol.lower for symbol in known}
    given = (
        {}
        if context is None
        else _of_context(entry, interface, set(values), whole("context", context, 0))
    )
    for name in symbols:
        one_of("symbol", name, list(values))
    for symbol in known:
        value = {**values, **given, **symbols}[symbol.name]
        of_context = given.get(symbol.name) == context and symbol.name not in symbols
        said = "context" if of_context else f"symbol {symbol.name}"
        values[symbol.name] = whole(said, value, symbol.lower, symbol.upper)
    return values


def ends(program: Program) -> tuple[dict[str, int], ...]:
    """
    The least and the greatest values of the symbols of `step`, once where it has none.

    In a decoder these are the first token and the one that fills the context.
    """
    known = call_symbols(program.interface, program.devices)
    return ({s.name: s.lower for s in known}, {s.name: s.upper for s in known})[: 1 + bool(known)]


def at_bounds(program: Program, most: int | None = None) -> Iterator[Prediction]:
    """`step` at the ends of its symbols, as far as it can run there."""
    for values in ends(program):
        with suppress(Trap):
            yield predicted(program, STEP, None, values, most)


def turn_of(program: Program) -> str:
    """What a call of `step` is: a `token` of a decoder with a cache, or a `run`."""
    roles = {port.role: port for port in program.interface.inputs}
    ids = roles.get("ids")
    is_token = "past" in roles and (ids is None or all(d == Dim(1) for d in ids.shape))
    return "token" if is_token else "run"


def counted(entry: str, interface: Interface, names: Collection[str]) -> str | None:
    """The symbol that counts the tokens in the cache, of those of an entry; None if none does."""
    if entry == CHUNK and len(names) == 1:
        return next(iter(names))
    past = [port for port in interface.inputs if port.role == "past"] or interface.inputs
    found = {name for port in past for dim in port.shape for name, _ in dim.terms}
    return found.pop() if len(found) == 1 else None


def _of_context(
    entry: str, interface: Interface, names: Collection[str], context: int
) -> dict[str, int]:
    """What a number of tokens says of the symbols of an entry, which have these names."""
    if {"prompt", "total"} <= set(names):
        return {"prompt": context, "total": context + 1}
    name = counted(entry, interface, names)
    if name is None:
        raise BadOption("context", f"the entry '{entry}' has no cache that grows; give symbols")
    return {name: context}
