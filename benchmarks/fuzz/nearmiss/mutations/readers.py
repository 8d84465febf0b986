"""Inner values that others read, outputs in another order, and outputs that nobody asked for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.fuzz.nearmiss.graph import Case
from benchmarks.fuzz.nearmiss.mutations.sites import (
    Site,
    Values,
    add_output,
    dtype_of,
    insert,
    producers,
)


def _shown(value: str, first: bool, case: Case) -> None:
    add_output(case, value, first)


def _read(value: str, kind: str, case: Case) -> None:
    """Another operator reads the value, and its result is an output."""
    add_output(case, insert(case, len(case.model.graph.node), kind, [value]))


def _reordered(case: Case) -> None:
    outputs = list(case.model.graph.output)[::-1]
    del case.model.graph.output[:]
    case.model.graph.output.extend(outputs)


def sites(case: Case, values: Values) -> Iterator[Site]:
    kinds = producers(case)
    shown = {output.name for output in case.model.graph.output}
    for node in case.model.graph.node:
        for value in node.output:
            if not value or value in shown or node.op_type == "Identity":
                continue
            place = kinds[value]
            yield Site("reader_output", place, partial(_shown, value, False))
            yield Site("reader_output_first", place, partial(_shown, value, True))
            if dtype_of(values, value) in ("f32", "f16"):
                yield Site("reader", place, partial(_read, value, "Neg"))
    for name, feed in case.feeds.items():
        if feed.dtype in ("f32", "f16"):
            yield Site("reader_of_input", name, partial(_read, name, "Neg"))
    if len(case.model.graph.output) > 1:
        yield Site("outputs_reversed", "outputs", _reordered)
