"""What is to be known of a program for several devices: who holds what, and what they exchange."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from lpuc.errors import printable
from lpuc.reports.lines import size
from lpuc.reports.prediction import at_bounds, turn_of
from runtime.program.plan import Plan
from runtime.program.program import Program

Row = tuple[str, str]


def ring_rows(program: Program, most: int | None = None) -> list[Row]:
    """The facts of several devices, with what their first run exchanges."""
    count, plan, held = program.devices, program.plan, program.interface.params_size
    share = _share(held * count, plan) if plan is not None else ""
    return [
        ("devices", f"{count} in a ring"),
        ("parameters", f"{size(held)} on each device{share}"),
        *([("whole", _whole(plan))] if plan is not None else []),
        *_exchange(program, most),
    ]


def alone_rows(program: Program, most: int | None = None) -> list[Row]:
    """How long one device would take for what several read, by the bandwidth of its memory."""
    found = next(at_bounds(program, most), None) if program.devices > 1 else None
    if found is None:
        return []
    seconds, per = found.utilisation * found.seconds * program.devices, turn_of(program)
    return [("one device", f"{seconds * 1e3:#.3g} ms/{per} or more: it would read as many bytes")]


def _share(held: int, plan: Plan) -> str:
    """How the bytes of all devices compare with those of the model."""
    return f", {held / plan['parameters']:.2f} x an equal share" if plan["parameters"] else ""


def _whole(plan: Plan) -> str:
    """What every device has all of, the largest by name."""
    weights = plan["whole"]
    if not weights:
        return "nothing: all parameters are cut"
    largest = max(weights, key=lambda weight: weight["bytes"])
    told = f"{size(largest['bytes'])} for {largest['node']}: {largest['reason']}"
    return printable(f"{plan['share']:.2g} % of the parameters, the largest {told}")


def _exchange(program: Program, most: int | None) -> Iterator[Row]:
    for found in islice(at_bounds(program, most), 1):
        sides = " and ".join(f"{size(sent)} to the {side}" for side, sent in found.sent.items())
        exposed = f"{found.exchange * 1e3:#.3g} ms of it exposed"
        yield "exchange", f"{found.messages} messages a {turn_of(program)}, {sides}; {exposed}"
