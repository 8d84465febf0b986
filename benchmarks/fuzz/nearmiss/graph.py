"""Small models that are written node by node, and how their inputs are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = np.ndarray[Any, Any]
Dims = Sequence[int | str]

OPSET = 23
MICROSOFT = "com.microsoft"
DTYPES: dict[str, tuple[int, Any]] = {
    "f32": (TensorProto.FLOAT, np.float32),
    "f16": (TensorProto.FLOAT16, np.float16),
    "bf16": (TensorProto.BFLOAT16, ml_dtypes.bfloat16),
    "i64": (TensorProto.INT64, np.int64),
    "i32": (TensorProto.INT32, np.int32),
    "bool": (TensorProto.BOOL, np.bool_),
}


@dataclass(frozen=True)
class Feed:
    """An input: its type, its extents, and which numbers it holds."""

    dtype: str
    dims: tuple[int | str, ...]
    values: str = "normal"
    """`normal`, `special` with infinities and NaN, `empty` with rows of -inf, or `below N`."""

    def draw(self, rng: np.random.Generator, lengths: Mapping[str, int]) -> Array:
        """Numbers for one call, in which symbols have these values."""
        shape = tuple(lengths.get(d, 1) if isinstance(d, str) else d for d in self.dims)
        dtype = DTYPES[self.dtype][1]
        if self.values.startswith("below "):
            return rng.integers(0, int(self.values[6:]), shape).astype(dtype)
        if self.dtype == "bool":
            chosen = rng.random(shape) < 0.7
            return _with_empty(rng, chosen) if self.values == "empty" else _with_first(chosen)
        drawn = rng.standard_normal(shape).astype(dtype)
        if self.values == "empty":
            return _with_empty(rng, drawn)
        return _with_special(rng, drawn) if self.values == "special" else drawn


SPECIAL = (-np.inf, np.inf, np.nan, 0.0, 65504.0, -1e30)


def _with_special(rng: np.random.Generator, drawn: Array) -> Array:
    """Some elements, a row or all of it replaced by what is no ordinary number."""
    rows = drawn.reshape(-1, drawn.shape[-1]) if drawn.ndim else drawn.reshape(1, 1)
    with np.errstate(over="ignore"):
        number = np.asarray(rng.choice(SPECIAL)).astype(drawn.dtype)
        row = int(rng.integers(len(rows))) if len(rows) else 0
        if rows.size and rng.random() < 0.5:
            rows[row, int(rng.integers(rows.shape[1]))] = rng.choice(SPECIAL)
        elif rows.size:
            rows[row] = number
    return rows.reshape(drawn.shape)


def _with_first(chosen: Array) -> Array:
    """A mask whose rows all allow their first element."""
    if chosen.ndim and chosen.shape[-1]:
        chosen[..., 0] = True
    return chosen


def _with_empty(rng: np.random.Generator, drawn: Array) -> Array:
    """Some rows hold -inf alone, or allow nothing."""
    empty = rng.random(drawn.shape[:-1]) < 0.4
    drawn[empty] = False if drawn.dtype == np.bool_ else -np.inf
    return drawn


@dataclass
class Draw:
    """The choices of one case; those that are pinned are not left to chance."""

    rng: np.random.Generator
    pinned: Mapping[str, int] = field(default_factory=dict[str, int])
    names: dict[str, None] = field(default_factory=dict[str, None])

    def extent(self, name: str, *choices: int) -> int:
        """An extent; by its name others can pin it to 0 or 1."""
        self.names[name] = None
        drawn = int(self.rng.choice(choices))
        return self.pinned.get(name, drawn)

    def coin(self) -> bool:
        return bool(self.rng.random() < 0.5)

    def weight(self, *dims: int) -> Array:
        return (self.rng.standard_normal(dims) / 2).astype(np.float32)


@dataclass(frozen=True)
class Case:
    """A model in which a recogniser finds `target`."""

    recogniser: str
    spelling: str
    target: str
    model: onnx.ModelProto
    feeds: Mapping[str, Feed]
    count: int = 1
    """How often it is found."""
    lengths: tuple[Mapping[str, int], ...] = ({},)
    """Values of symbols, for one call each."""

    @property
    def name(self) -> str:
        return f"{self.recogniser}/{self.spelling}"

    def inputs(self, rng: np.random.Generator) -> list[dict[str, Array]]:
        """Inputs for all calls."""
        feeds = self.feeds.items()
        return [{n: feed.draw(rng, lengths) for n, feed in feeds} for lengths in self.lengths]

    def copy(self) -> Case:
        """A case whose model and inputs can be changed."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        return replace(self, model=model, feeds=dict(self.feeds))


class Graph:
    """A model that is being written; values are names."""

    def __init__(self, opset: int = OPSET) -> None:
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, onnx.TensorProto] = {}
        self.feeds: dict[str, Feed] = {}
        self.outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, *dims: int | str, dtype: str = "f32", values: str = "normal") -> str:
        self.feeds[name] = Feed(dtype, dims, values)
        return name

    def constant(self, name: str, data: Any, dtype: Any = np.float32) -> str:
        """A constant; its name says what it is for, and is not used twice."""
        array = np.asarray(data)
        array = array if isinstance(data, np.ndarray) else array.astype(dtype)
        assert name not in self.weights
        self.weights[name] = numpy_helper.from_array(np.array(array, order="C"), name)
        return name

    def integers(self, name: str, *elements: int) -> str:
        return self.constant(name, np.array(elements, np.int64))

    def op(self, kind: str, *operands: str, domain: str = "", **attributes: Any) -> str:
        """A node with one result."""
        return self.ops(kind, *operands, count=1, domain=domain, **attributes)[0]

    def ops(
        self, kind: str, *operands: str, count: int, domain: str = "", **attributes: Any
    ) -> list[str]:
        """A node with several results."""
        number = len(self.nodes)
        names = [f"{kind.lower()}_{number}" + (f"_{i}" if i else "") for i in range(count)]
        node = helper.make_node(
            kind, operands, names, name=f"{kind}_{number}", domain=domain, **attributes
        )
        self.nodes.append(node)
        return names

    def output(self, value: str, name: str = "", *dims: int | str, dtype: str = "f32") -> str:
        """Show a value as an output; its extents are only said where they matter."""
        if name and name != value:
            self.nodes.append(helper.make_node("Identity", [value], [name], name=f"show_{name}"))
        info = helper.make_tensor_value_info(name or value, DTYPES[dtype][0], dims or None)
        self.outputs.append(info)
        return name or value

    def model(self) -> onnx.ModelProto:
        inputs = [
            helper.make_tensor_value_info(name, DTYPES[feed.dtype][0], feed.dims)
            for name, feed in self.feeds.items()
        ]
        graph = helper.make_graph(
            self.nodes, "g", inputs, self.outputs, list(self.weights.values())
        )
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def case(
        self,
        name: str,
        target: str,
        lengths: Sequence[Mapping[str, int]] = ({},),
        count: int = 1,
    ) -> Case:
        """The case of a recogniser and a spelling, as `recogniser/spelling`."""
        recogniser, _, spelling = name.partition("/")
        feeds = dict(self.feeds)
        return Case(recogniser, spelling, target, self.model(), feeds, count, tuple(lengths))
