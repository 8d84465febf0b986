"""Places in a model, what is known of the values there, and how nodes are changed and inserted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from benchmarks.fuzz.nearmiss.graph import DTYPES, Array, Case, Feed
from lpuc.levels.onnx_runtime import session_of

Values = Mapping[str, Sequence[Array]]
"""Every value of a model in each call."""


@dataclass(frozen=True)
class Site:
    """A change of some kind at a place; `apply` makes it in a copy of the case."""

    kind: str
    place: str
    apply: Callable[[Case], None]


def values_of(case: Case, calls: Sequence[Mapping[str, Array]]) -> Values:
    """What ONNX Runtime computes for every value; raises what it raises."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    names = [name for node in model.graph.node for name in node.output if name]
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    runner = session_of(model.SerializeToString())
    results = [runner.run(names, dict(inputs)) for inputs in calls]
    constants = {w.name: [numpy_helper.to_array(w)] * len(calls) for w in model.graph.initializer}
    fed = {name: [inputs[name] for inputs in calls] for name in case.feeds}
    computed = {name: [result[i] for result in results] for i, name in enumerate(names)}
    return {**constants, **fed, **computed}


def constants_of(case: Case) -> dict[str, Array]:
    return {w.name: numpy_helper.to_array(w) for w in case.model.graph.initializer}


def set_constant(case: Case, name: str, array: Array) -> None:
    """Give a constant other elements, or another shape."""
    (weight,) = [w for w in case.model.graph.initializer if w.name == name]
    weight.CopyFrom(numpy_helper.from_array(np.array(array, order="C"), name))


SHOW = "show_"
"""How nodes begin that give an output its name."""


def results(case: Case) -> set[str]:
    """Values that nothing but outputs show."""
    nodes = case.model.graph.node
    shown = {v for node in nodes if node.name.startswith(SHOW) for v in node.input}
    return shown - {v for node in nodes if not node.name.startswith(SHOW) for v in node.input}


def producers(case: Case) -> dict[str, str]:
    """
    What kind of thing each value is: an operator's name, or its own for inputs and constants.

    Results of the model are marked, since behind them nothing is recognised any more.
    """
    last = results(case)
    found = {
        value: f"{node.op_type}{'!' if value in last else ''}"
        for node in case.model.graph.node
        for value in node.output
    }
    return {**{name: name for name in (*case.feeds, *constants_of(case))}, **found}


def uses(case: Case) -> Iterator[tuple[int, int, str, str]]:
    """Each operand of each node: both numbers, the value, and the place as text."""
    kinds = producers(case)
    for number, node in enumerate(case.model.graph.node):
        for index, value in enumerate(node.input):
            if value and not node.name.startswith(SHOW):
                yield number, index, value, f"{kinds[value]}>{node.op_type}.{index}"


def insert(case: Case, at: int, kind: str, operands: Sequence[str], **attributes: Any) -> str:
    """A new node in front of another; its one result."""
    nodes = list(case.model.graph.node)
    name = f"new_{kind.lower()}_{len(nodes)}"
    nodes.insert(at, helper.make_node(kind, operands, [name], name=name, **attributes))
    del case.model.graph.node[:]
    case.model.graph.node.extend(nodes)
    return name


def add_constant(case: Case, array: Array) -> str:
    name = f"new_constant_{len(case.model.graph.initializer)}"
    case.model.graph.initializer.append(numpy_helper.from_array(np.array(array, order="C"), name))
    return name


def add_input(case: Case, dims: Sequence[int | str], dtype: str) -> str:
    name = f"other_{len(case.feeds)}"
    assert isinstance(case.feeds, dict)
    case.feeds[name] = Feed(dtype, tuple(dims))
    info = helper.make_tensor_value_info(name, DTYPES[dtype][0], dims)
    case.model.graph.input.append(info)
    return name


def add_output(case: Case, value: str, first: bool = False) -> None:
    """Show a value; type and extents are inferred."""
    info = onnx.ValueInfoProto(name=value)
    others = list(case.model.graph.output)
    del case.model.graph.output[:]
    case.model.graph.output.extend([info, *others] if first else [*others, info])


def dtype_of(values: Values, name: str) -> str:
    """The type of a value by its short name; empty if it has none here."""
    dtype = values[name][0].dtype
    return next((short for short, (_, numpy) in DTYPES.items() if dtype == numpy), "")


def dims_of(case: Case, values: Values, name: str) -> tuple[int | str, ...] | None:
    """Extents of a value, as symbols where calls differ; None if no symbol fits."""
    shapes = [array.shape for array in values[name]]
    if len({len(shape) for shape in shapes}) > 1:
        return None
    dims: list[int | str] = []
    for extents in zip(*shapes, strict=True):
        fits = [
            symbol
            for symbol in case.lengths[0]
            if extents == tuple(lengths[symbol] for lengths in case.lengths)
        ]
        if len(set(extents)) == 1:
            dims.append(extents[0])
        elif fits:
            dims.append(fits[0])
        else:
            return None
    return tuple(dims)
