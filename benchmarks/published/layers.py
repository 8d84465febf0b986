"""
What a layer spends above the bytes that it streams, by ONNX node and cause.

    python -m benchmarks.published.layers [--points opt-66b-x2 ...] [--code frozen] [--least 20]

The critical path of a token at 1040 tokens goes through one engine at a time, and its pieces add up
to the cycles of the run. Those in which bytes move are what the shape takes; all others are shared
out among the nodes of the layers, the layers added up and divided by their number. What belongs to
no layer (the head, the choice of a token) is left out.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.published.frozen import CODES, code_of
from benchmarks.published.points import POINTS, PUBLISHED_AT, shape_of
from runtime.timing.profiling.causes import Spent
from runtime.timing.profiling.path import critical_path
from runtime.timing.profiling.record import Record, record

USUAL = ("opt-30b-x1", "opt-66b-x2")


@dataclass(frozen=True)
class Layer:
    """Cycles of the critical path of a layer, the mean of all: of bytes and of other causes."""

    bytes: float
    above: dict[tuple[str, str], float]
    """By node and cause."""


def layer_of(run: Record, layers: int) -> Layer:
    """Of nodes that are others in each layer."""
    moving, above = 0, Counter[tuple[str, str]]()
    turns = Counter(role for _, role in set(zip(run.nodes, run.roles, strict=True)))
    for piece in critical_path(run):
        role, cycles = run.roles[piece.number], piece.end - piece.begin
        if not role or turns[role] < layers:
            continue
        if piece.spent is Spent.MEMORY:
            moving += cycles
        else:
            name = role[0] if len(role) == 1 else f"{role[0]} to {role[-1]}"
            above[name, str(piece.spent)] += cycles
    return Layer(moving / layers, {key: cycles / layers for key, cycles in above.items()})


def rows(name: str, layer: Layer, least: float) -> Iterator[str]:
    """A table, the most first."""
    total = sum(layer.above.values())
    yield f"\n{name}: {layer.bytes:.0f} cycles of a layer move bytes, {total:.0f} do not"
    yield "| node | spent on | cycles |\n|---|---|---|"
    shown = 0.0
    for (node, spent), cycles in sorted(layer.above.items(), key=lambda item: -item[1]):
        if cycles >= least:
            shown += cycles
            yield f"| {node} | {spent} | {cycles:.0f} |"
    yield f"| others | | {total - shown:.0f} |"


def main() -> None:
    """Print a table for each point."""
    names = [point.name for point in POINTS]
    parser = argparse.ArgumentParser(description="What a layer spends above its bytes.")
    parser.add_argument("--points", nargs="+", choices=names, default=list(USUAL))
    parser.add_argument("--code", choices=CODES, default=CODES[0])
    parser.add_argument("--least", type=float, default=20, metavar="CYCLES")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for point in (p for p in POINTS if p.name in arguments.points):
            program = code_of(point, arguments.code, Path(folder))
            run = record(program, {program.interface.symbols[0].name: PUBLISHED_AT})
            found = layer_of(run, shape_of(point).layers)
            print("\n".join(rows(point.name, found, arguments.least)), flush=True)


if __name__ == "__main__":
    main()
