"""Presents that are something else than what is new behind the past."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import onnx

from benchmarks.fuzz.nearmiss.graph import Case
from benchmarks.fuzz.nearmiss.mutations.sites import (
    Site,
    Values,
    add_constant,
    add_output,
    insert,
)

Change = Callable[[Case, int, str, int], str]
"""What is shown in the place of a value, of which an axis grows; new nodes go in front of `at`."""


def _slice(case: Case, at: int, value: str, *bounds: int) -> str:
    names = [add_constant(case, np.asarray([bound], np.int64)) for bound in bounds]
    return insert(case, at, "Slice", [value, *names])


LAST = np.iinfo(np.int64).max
FIRST = np.iinfo(np.int64).min


def _window(case: Case, at: int, value: str, axis: int) -> str:
    return _slice(case, at, value, -2, LAST, axis)


def _without_first(case: Case, at: int, value: str, axis: int) -> str:
    return _slice(case, at, value, 1, LAST, axis)


def _without_last(case: Case, at: int, value: str, axis: int) -> str:
    return _slice(case, at, value, 0, -1, axis)


def _backwards(case: Case, at: int, value: str, axis: int) -> str:
    return _slice(case, at, value, -1, FIRST, axis, -1)


def _gathered(case: Case, at: int, value: str, axis: int) -> str:
    indices = add_constant(case, np.asarray([-2, -1], np.int64))
    return insert(case, at, "Gather", [value, indices], axis=axis)


def _ends(case: Case, at: int, value: str, axis: int) -> str:
    indices = add_constant(case, np.asarray([-1, 0], np.int64))
    return insert(case, at, "Gather", [value, indices], axis=axis)


def _scaled(case: Case, at: int, value: str, axis: int) -> str:
    del axis
    return insert(case, at, "Add", [value, value])


def _negated(case: Case, at: int, value: str, axis: int) -> str:
    del axis
    return insert(case, at, "Neg", [value])


def _chosen(case: Case, at: int, value: str, axis: int) -> str:
    """Elements that are not positive are something else."""
    del axis
    zero = add_constant(case, np.asarray(0, np.float32))
    wide = insert(case, at, "Cast", [value], to=1)
    positive = insert(case, at + 1, "Greater", [wide, zero])
    other = insert(case, at + 2, "Neg", [value])
    return insert(case, at + 3, "Where", [positive, value, other])


def _turned(case: Case, at: int, value: str, axis: int) -> str:
    del axis
    return insert(case, at, "Transpose", [value], perm=[0, 2, 1, 3])


def _gathered_backwards(case: Case, at: int, value: str, axis: int) -> str:
    """The same extents: rows by counting down."""
    shape = insert(case, at, "Shape", [value])
    place = add_constant(case, np.asarray(axis, np.int64))
    length = insert(case, at + 1, "Gather", [shape, place], axis=0)
    one, minus = (add_constant(case, np.asarray(n, np.int64)) for n in (1, -1))
    last = insert(case, at + 2, "Sub", [length, one])
    rows = insert(case, at + 3, "Range", [last, minus, minus])
    return insert(case, at + 4, "Gather", [value, rows], axis=axis)


def _lanes_backwards(case: Case, at: int, value: str, axis: int) -> str:
    del axis
    return _slice(case, at, value, -1, FIRST, 3, -1)


def _doubled(case: Case, at: int, value: str, axis: int) -> str:
    return insert(case, at, "Concat", [value, value], axis=axis)


CHANGES: dict[str, Change] = {
    "window": _window,
    "without_first": _without_first,
    "without_last": _without_last,
    "backwards": _backwards,
    "gathered": _gathered,
    "ends": _ends,
    "gathered_backwards": _gathered_backwards,
    "scaled": _scaled,
    "negated": _negated,
    "chosen": _chosen,
    "turned": _turned,
    "lanes_backwards": _lanes_backwards,
    "doubled": _doubled,
}


def _show(case: Case, output: str) -> tuple[int, onnx.NodeProto]:
    """The node that gives an output its name."""
    nodes = enumerate(case.model.graph.node)
    return next((i, n) for i, n in nodes if output in n.output)


def _present_is(output: str, change: Change, axis: int, case: Case) -> None:
    at, node = _show(case, output)
    value = node.input[0]
    fresh = change(case, at, value, axis)
    _show(case, output)[1].input[0] = fresh
    _forget_dims(case, output)


def _read_is(output: str, change: Change, axis: int, case: Case) -> None:
    """What else reads the cache reads something else; the present stays."""
    value = _show(case, output)[1].input[0]
    made = next(i for i, n in enumerate(case.model.graph.node) if value in n.output) + 1
    before = len(case.model.graph.node)
    fresh = change(case, made, value, axis)
    added = len(case.model.graph.node) - before
    for other in list(case.model.graph.node)[made + added :]:
        if output not in other.output:
            other.input[:] = [fresh if v == value else v for v in other.input]


def _debug(output: str, change: Change, axis: int, first: bool, case: Case) -> None:
    """A function of the cache is an output, too."""
    at, node = _show(case, output)
    add_output(case, change(case, at, node.input[0], axis), first)


def _past_is(past: str, change: Change, axis: int, case: Case) -> None:
    """The past is changed before it is continued."""
    fresh = change(case, 0, past, axis)
    for node in case.model.graph.node:
        if (
            node.op_type in ("Concat", "Transpose")
            and past in node.input
            and fresh != node.output[0]
        ):
            node.input[:] = [fresh if v == past else v for v in node.input]


def _only_past(output: str, case: Case) -> None:
    """The present is the past as it was."""
    node = _show(case, output)[1]
    node.input[0] = output.replace("present", "past_key_values")
    _forget_dims(case, output)


def _other_past(output: str, case: Case) -> None:
    """Presents change places."""
    others = [o.name for o in case.model.graph.output if o.name.startswith("present")]
    other = next(name for name in others if name != output)
    one, two = _show(case, output)[1], _show(case, other)[1]
    one.input[0], two.input[0] = two.input[0], one.input[0]


def _forget_dims(case: Case, output: str) -> None:
    (info,) = [o for o in case.model.graph.output if o.name == output]
    info.type.tensor_type.ClearField("shape")


def sites(case: Case, values: Values) -> Iterator[Site]:
    presents = [o.name for o in case.model.graph.output if o.name.startswith("present")]
    for output in presents:
        past = output.replace("present", "past_key_values")
        if past not in case.feeds or output not in values:
            continue
        axis = case.feeds[past].dims.index("past")
        for name, change in CHANGES.items():
            yield Site("present", name, partial(_present_is, output, change, axis))
            yield Site("cache_read", name, partial(_read_is, output, change, axis))
            yield Site("past", name, partial(_past_is, past, change, axis))
            for kind, first in (("debug", False), ("debug_first", True)):
                yield Site(kind, name, partial(_debug, output, change, axis, first))
        yield Site("present", "only_past", partial(_only_past, output))
        if len(presents) > 1:
            yield Site("present", "other_past", partial(_other_past, output))
