"""
Cases cut from models of real exporters: what computes a value, a few operators deep.

    python -m benchmarks.fuzz.nearmiss --models DIR

`DIR` holds `exports/NAME/model.onnx` and a call in `exports/NAME/cases/*/inputs.npz`. Around an
operator that is typical of a recogniser all that leads to a value behind it is kept; what comes
from further away becomes an input, small integers constants. Numbers are named for their roles, as
in `cases`, so that `exact` speaks of them, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from benchmarks.fuzz.judging import references
from benchmarks.fuzz.nearmiss.graph import DTYPES, MICROSOFT, Array, Case, Feed
from benchmarks.fuzz.nearmiss.mutations.sites import values_of
from benchmarks.fuzz.nearmiss.raised import recognised
from lpuc.errors import InternalError

ANCHORS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "activation": (("Erf", "Tanh", "Sigmoid", "Gelu"), ("silu", "gelu", "gelu_tanh")),
    "softmax": (("Softmax",), ("lpu.softmax", "lpu.softmax zero", "lpu.softmax guarded")),
    "norm": (("Sqrt", "LayerNormalization"), ("norm rms", "norm layer")),
    "rotary": (("Neg",), ("lpu.rotary",)),
    "attention": (("Softmax",), ("lpu.attention",)),
}
"""Operators to start from, and what may be found around them, by recogniser."""
ROLES = {
    "half": (0.5,),
    "one": (1.0,),
    "two": (2.0,),
    "three": (3.0,),
    "cubic": (0.044715,),
    "root": (math.sqrt(0.5), math.sqrt(2), math.sqrt(2 / math.pi)),
}
ATTEMPTS = 200
SMALL = 64
DEEPEST, FURTHEST = 9, 7


@dataclass(frozen=True)
class Export:
    """A model whose values are all known for one call."""

    name: str
    model: onnx.ModelProto
    values: Mapping[str, Array]


@cache
def exports(folder: Path) -> tuple[Export, ...]:
    """All models below a folder that ONNX Runtime runs value by value."""
    found = (_export(path) for path in sorted((folder / "exports").glob("*/model.onnx")))
    return tuple(export for export in found if export is not None)


def _export(path: Path) -> Export | None:
    model = onnx.load(path)
    call = next(iter(sorted(path.parent.glob("cases/s3*/inputs.npz"))), None)
    if call is None or any(node.domain for node in model.graph.node):
        return None
    inputs = dict(np.load(call))
    case = Case("export", path.parent.name, "", model, dict.fromkeys(inputs, Feed("f32", ())))
    try:
        values = values_of(case, [inputs])
    except Exception:  # those of ONNX Runtime have no other common base
        return None
    return Export(path.parent.name, model, {name: arrays[0] for name, arrays in values.items()})


def cut(export: Export, recogniser: str, rng: np.random.Generator) -> Case | None:
    """A part of a model around an operator that is typical of a recogniser."""
    kinds, targets = ANCHORS[recogniser]
    nodes = list(export.model.graph.node)
    anchors = [i for i, node in enumerate(nodes) if node.op_type in kinds]
    if not anchors:
        return None
    end = _behind(nodes, int(rng.choice(anchors)), int(rng.integers(1, FURTHEST)))
    kept = _above(nodes, end, int(rng.integers(3, DEEPEST)))
    return _case(export, recogniser, targets[0], [nodes[i] for i in kept])


def _behind(nodes: list[onnx.NodeProto], start: int, steps: int) -> int:
    """The node some readers further."""
    for _ in range(steps):
        outputs = set(nodes[start].output)
        readers = [i for i in range(start + 1, len(nodes)) if outputs & set(nodes[i].input)]
        if not readers:
            break
        start = readers[-1]
    return start


def _above(nodes: list[onnx.NodeProto], end: int, depth: int) -> list[int]:
    """What leads to a node, so many operators deep."""
    makers = {value: i for i, node in enumerate(nodes) for value in node.output}
    kept, edge = {end}, {end}
    for _ in range(depth):
        values = [value for i in edge for value in nodes[i].input if value in makers]
        edge = {makers[value] for value in values} - kept
        kept |= edge
    return sorted(kept)


def _role(array: Array) -> str | None:
    """What a number is for, by its value."""
    if array.size != 1 or array.dtype.kind != "f":
        return None
    number = float(array.reshape(()))
    known = [
        r
        for r, all_of in ROLES.items()
        if any(math.isclose(number, n, rel_tol=2e-3) for n in all_of)
    ]
    if known:
        return known[0]
    return "epsilon" if 0 < number <= 1e-2 else "least" if number < -1e3 else "scale"


def _names(constants: Mapping[str, Array]) -> dict[str, str]:
    """Names by role where there is one, no name twice."""
    found: dict[str, str] = {}
    for name, array in constants.items():
        role = _role(array) or ("weight" if array.dtype.kind == "f" else "integers")
        count = sum(taken.partition(".")[0] == role for taken in found.values())
        found[name] = f"{role}.{count}" if count else role
    return found


def _boundary(export: Export, nodes: list[onnx.NodeProto]) -> Iterator[tuple[str, Array, bool]]:
    """What a part reads from outside, and whether it is a constant there."""
    weights = {w.name for w in export.model.graph.initializer}
    inside = {value for node in nodes for value in node.output}
    read = dict.fromkeys(v for node in nodes for v in node.input if v and v not in inside)
    for value in read:
        array = export.values[value]
        is_shape = array.dtype.kind == "i" and array.size <= SMALL
        yield value, array, value in weights or is_shape


def _case(export: Export, recogniser: str, target: str, nodes: list[onnx.NodeProto]) -> Case | None:
    outside = list(_boundary(export, nodes))
    shorts = {np.dtype(numpy): short for short, (_, numpy) in DTYPES.items()}
    if any(array.dtype not in shorts for _, array, _ in outside):
        return None
    names = _names({name: array for name, array, fixed in outside if fixed})
    names |= {name: f"x{i}" for i, (name, _, fixed) in enumerate(outside) if not fixed}
    feeds = {
        names[name]: Feed(
            shorts[array.dtype], array.shape, "below 3" if array.dtype.kind == "i" else "normal"
        )
        for name, array, fixed in outside
        if not fixed
    }
    weights = [
        numpy_helper.from_array(array, names[name]) for name, array, fixed in outside if fixed
    ]
    copies = [_renamed(node, names) for node in nodes]
    last = copies[-1].output[0]
    copies.append(helper.make_node("Identity", [last], ["y"], name="show_y"))
    shown = onnx.ValueInfoProto(name="y")
    inputs = [
        helper.make_tensor_value_info(n, DTYPES[f.dtype][0], f.dims) for n, f in feeds.items()
    ]
    graph = helper.make_graph(copies, "cut", inputs, [shown], weights)
    opsets = [o for o in export.model.opset_import if o.domain != MICROSOFT]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return Case(recogniser, export.name, target, model, feeds)


def _renamed(node: onnx.NodeProto, names: Mapping[str, str]) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = [names.get(value, value) for value in node.input]
    return copy


def cut_case(folder: Path, key: Sequence[int]) -> Case:
    """A part of some model in which something is recognised; cut anew until it is."""
    rng = np.random.default_rng(key)
    found = exports(folder)
    for _ in range(ATTEMPTS):
        export = found[int(rng.integers(len(found)))]
        case = cut(export, str(rng.choice(list(ANCHORS))), rng)
        if case is not None and references(case.model, case.inputs(rng))[0] is not None:
            try:
                counts = recognised(case.model)
            except InternalError:
                return case  # to be judged: it will fail again
            case = _with_target(case, counts)
            if case is not None:
                return case
    raise LookupError(f"nothing is recognised in {ATTEMPTS} parts of the models in {folder}")


def _with_target(case: Case, counts: Mapping[str, int]) -> Case | None:
    """The case with what is found in it; None if nothing of its recogniser is."""
    for target in reversed(ANCHORS[case.recogniser][1]):
        if counts.get(target):
            return replace(case, target=target, count=counts[target])
    return None
