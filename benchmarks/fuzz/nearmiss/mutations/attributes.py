"""Attributes that say something else, and operators that are nearly the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import permutations
from typing import Any

import onnx
from onnx import helper

from benchmarks.fuzz.nearmiss.graph import Case
from benchmarks.fuzz.nearmiss.mutations.sites import SHOW, Site, Values

SIBLINGS: dict[str, tuple[str, ...]] = {
    "Add": ("Sub", "Mul", "Max"),
    "And": ("Or", "Xor"),
    "Div": ("Mul", "Sub", "Pow"),
    "Equal": ("LessOrEqual", "GreaterOrEqual", "Less"),
    "Erf": ("Tanh", "Sin", "Identity"),
    "Exp": ("Softplus", "Abs", "Sigmoid"),
    "IsNaN": ("IsInf",),
    "Mul": ("Add", "Div", "Min"),
    "Neg": ("Abs", "Identity", "Relu"),
    "Pow": ("Mul", "Max"),
    "Reciprocal": ("Neg", "Sqrt", "Identity"),
    "ReduceMax": ("ReduceMin", "ReduceMean", "ReduceSum"),
    "ReduceMean": ("ReduceSum", "ReduceMax", "ReduceL2", "ReduceSumSquare"),
    "ReduceSum": ("ReduceMean", "ReduceMax", "ReduceL1", "ReduceLogSumExp"),
    "Sigmoid": ("HardSigmoid", "Tanh", "Softplus"),
    "Softmax": ("LogSoftmax", "Hardmax"),
    "Sqrt": ("Abs", "Identity", "Exp"),
    "Sub": ("Add", "Div", "Mul"),
    "Tanh": ("Erf", "Sin", "Softsign"),
}
NUMBERS = {
    "epsilon": (0.0, 1e-2),
    "alpha": (0.5, -1.0),
    "beta": (0.5, 0.0),
    "scale": (0.0, -0.3, 1.0),
    "softcap": (0.0, 2.0, 50.0),
}
SWITCHES = ("keepdims", "is_causal", "interleaved", "transA", "transB", "do_rotary")
EXTRA: dict[str, dict[str, Sequence[Any]]] = {
    "Softmax": {"axis": (0, 1, -2)},
    "ReduceMax": {"keepdims": (0,)},
    "ReduceSum": {"keepdims": (0,)},
    "ReduceMean": {"keepdims": (0,)},
    "Gemm": {"alpha": (0.5,), "beta": (0.5,), "transB": (1,)},
    "LayerNormalization": {"axis": (0, 1, -2)},
    "RMSNormalization": {"axis": (0, 1, -2)},
    "SimplifiedLayerNormalization": {"axis": (1, -2)},
    "Attention": {"is_causal": (0, 1), "softcap": (0.0, 3.0), "qk_matmul_output_mode": (1,)},
    "GroupQueryAttention": {"softcap": (3.0,), "local_window_size": (2, 1), "smooth_softmax": (1,)},
    "RotaryEmbedding": {"interleaved": (1,), "rotary_embedding_dim": (4, 6)},
    "Gelu": {"approximate": ("none", "tanh")},
    "Concat": {"axis": (0, 1, 2, -1, -2)},
    "Gather": {"axis": (0, 1)},
    "GatherElements": {"axis": (0, 1)},
    "ScatterND": {"reduction": ("add", "mul", "max")},
    "Split": {"axis": (2, 1, 0)},
    "GatherND": {"batch_dims": (1,)},
}


def _set(number: int, name: str, value: Any, case: Case) -> None:
    node = case.model.graph.node[number]
    kept = [a for a in node.attribute if a.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def _renamed(number: int, kind: str, case: Case) -> None:
    """Another operator; what it has no attributes for goes."""
    node = case.model.graph.node[number]
    node.op_type = kind
    known = onnx.defs.get_schema(kind, "").attributes
    kept = [a for a in node.attribute if a.name in known]
    del node.attribute[:]
    node.attribute.extend(kept)
    if kind == "HardSigmoid":
        node.attribute.append(helper.make_attribute("alpha", 0.25))


def _others(attribute: onnx.AttributeProto) -> Iterator[Any]:
    """Other values of an attribute."""
    value = helper.get_attribute_value(attribute)
    if attribute.name in NUMBERS:
        yield from (v for v in NUMBERS[attribute.name] if v != value)
    elif attribute.name in SWITCHES:
        yield 1 - value
    elif attribute.name == "perm":
        yield from (list(p) for p in permutations(value) if list(p) != list(value))


def _value(attribute: onnx.AttributeProto, rank: int) -> Any:
    value = helper.get_attribute_value(attribute)
    value = value.decode() if isinstance(value, bytes) else value
    return _signless(attribute.name, value, rank)


def _signless(name: str, value: Any, rank: int) -> Any:
    """An axis counted from the front."""
    return value % max(rank, 1) if name == "axis" else value


def sites(case: Case, values: Values) -> Iterator[Site]:
    for number, node in enumerate(case.model.graph.node):
        if node.name.startswith(SHOW):
            continue
        rank = values[node.output[0]][0].ndim
        present = {a.name: _value(a, rank) for a in node.attribute}
        changes = [(a.name, v) for a in node.attribute for v in _others(a)]
        for name, others in EXTRA.get(node.op_type, {}).items():
            changes += [(name, v) for v in others if present.get(name) != _signless(name, v, rank)]
        for name, value in changes:
            place = f"{node.op_type}.{name}"
            yield Site("attribute", place, partial(_set, number, name, value))
        for kind in SIBLINGS.get(node.op_type, ()):
            place = f"{node.op_type}:{kind}"
            yield Site("operator", place, partial(_renamed, number, kind))
