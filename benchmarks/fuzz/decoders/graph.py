"""
A graph that grows at random: nodes, constants, the types of values, and the choices made so far.

```python
g = Graph(np.random.default_rng(0), opset=20)
hidden = g("MatMul", "x", g.weight(16, 16))
half = g("Mul", hidden, g.number(0.5, hidden))
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

T = TypeVar("T")
Array = np.ndarray[Any, Any]
Dim = int | str

F32, F16, I64, I32, BOOL = (
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.INT64,
    TensorProto.INT32,
    TensorProto.BOOL,
)
NUMPY = {F32: np.float32, F16: np.float16, I64: np.int64, I32: np.int32, BOOL: np.bool_}
MICROSOFT = "com.microsoft"

BOOLEAN = ("Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal", "IsNaN", "And", "Or", "Not")
INTEGER = ("Shape", "ArgMax", "Size")
AFTER_FIRST = ("Where",)
"""Operators whose results have the type of the second operand."""


class Graph:
    """Nodes in order, with the types of their results; a call appends one."""

    def __init__(self, rng: np.random.Generator, opset: int, mixed: bool = False) -> None:
        self.rng, self.opset, self.mixed = rng, opset, mixed
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self.inputs: list[ValueInfoProto] = []
        self.outputs: list[ValueInfoProto] = []
        self.types: dict[str, int] = {"": F32}
        self.labels: dict[str, None] = {}
        self._chosen: dict[tuple[str, tuple[Any, ...]], Any] = {}
        self._count = 0

    def fresh(self, stem: str) -> str:
        """A name that is not taken."""
        self._count += 1
        return f"{stem}_{self._count}"

    def __call__(self, op_type: str, *inputs: str, type: int = 0, **attributes: Any) -> str:
        """Append a node of one result."""
        return self.parts(op_type, *inputs, outputs=1, type=type, **attributes)[0]

    def parts(
        self, op_type: str, *inputs: str, outputs: int, type: int = 0, **attributes: Any
    ) -> list[str]:
        """Append a node of several results, all of one type."""
        names = [self.fresh(op_type) for _ in range(outputs)]
        self.append(op_type, inputs, names, type=type, **attributes)
        return names

    def append(
        self,
        op_type: str,
        inputs: Sequence[str],
        names: Sequence[str],
        type: int = 0,
        **attributes: Any,
    ) -> None:
        """Append a node with these results, of which some may be left out."""
        node = helper.make_node(op_type, list(inputs), list(names), name=names[0], **attributes)
        self.nodes.append(node)
        found = type or self._type(op_type, inputs, attributes)
        self.types.update(dict.fromkeys(filter(None, names), found))

    def _type(self, op_type: str, inputs: Sequence[str], attributes: dict[str, Any]) -> int:
        if op_type == "Cast":
            return attributes["to"]
        if op_type in BOOLEAN:
            return BOOL
        if op_type in INTEGER:
            return I64
        place = 1 if op_type in AFTER_FIRST else 0
        return self.types[inputs[place]]

    def cast(self, x: str, to: int) -> str:
        """A value in another type; itself where it has that one."""
        return x if self.types[x] == to else self("Cast", x, to=to)

    def constant(self, array: Array) -> str:
        """A tensor, as an initializer or as a node."""
        name = self.fresh("const")
        tensor = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        if self.choose("constants", ("initializer", "initializer", "node")) == "node":
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        else:
            self.initializers.append(tensor)
        self.types[name] = tensor.data_type
        return name

    def ints(self, *values: int) -> str:
        """A list of integers."""
        return self.constant(np.array(values, np.int64))

    def index(self, value: int) -> str:
        """An integer of rank 0, which takes an axis away where it gathers."""
        return self.constant(np.array(value, np.int64))

    def scalar(self, value: Any, type: int) -> str:
        """A number of rank 0, sometimes of rank 1."""
        with np.errstate(over="ignore"):
            array = np.array(value).astype(NUMPY[type])
        if self.choose("scalars", ("rank 0", "rank 0", "rank 1")) == "rank 1":
            array = array.reshape(1)
        else:
            self.label("scalar constants")
        return self.constant(array)

    def number(self, value: float, like: str) -> str:
        """A number in the type of another value."""
        return self.scalar(value, self.types[like])

    def weight(self, *shape: int, type: int = F32, around: float = 0.0) -> str:
        """A random tensor whose products keep the size of their operands."""
        fan = shape[0] if len(shape) > 1 else 10
        array = around + self.rng.standard_normal(shape) / np.sqrt(fan)
        name = self.fresh("weight")
        self.initializers.append(numpy_helper.from_array(array.astype(NUMPY[type]), name))
        self.types[name] = type
        return name

    def input(self, name: str, type: int, *dims: Dim) -> str:
        """An input of the graph."""
        self.inputs.append(helper.make_tensor_value_info(name, type, list(dims)))
        self.types[name] = type
        return name

    def output(self, name: str, value: str, *dims: Dim | None) -> None:
        """A value becomes an output of this name."""
        self.nodes.append(helper.make_node("Identity", [value], [name], name=f"out_{name}"))
        info = helper.make_tensor_value_info(name, self.types[value], list(dims))
        self.outputs.append(info)

    def label(self, *labels: str) -> None:
        """Note what the graph is made of."""
        self.labels.update(dict.fromkeys(labels))

    def chance(self, probability: float) -> bool:
        """A coin."""
        return bool(self.rng.random() < probability)

    def pick(self, options: Sequence[T]) -> T:
        """One of several, each as likely."""
        return options[int(self.rng.integers(len(options)))]

    def choose(self, what: str, options: Sequence[T]) -> T:
        """As `pick`; a graph that is not mixed makes the same choice again, as an exporter does."""
        if self.mixed or (what, tuple(options)) not in self._chosen:
            self._chosen[what, tuple(options)] = self.pick(options)
        return self._chosen[what, tuple(options)]

    def spelled(self, what: str, options: Sequence[str]) -> str:
        """As `choose`, and the choice is a label."""
        choice = self.choose(what, options)
        self.label(f"{what}: {choice}")
        return choice
