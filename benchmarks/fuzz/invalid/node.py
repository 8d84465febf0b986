"""A model of one node: operands with their contents, attributes, and how many results are asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from onnx import AttributeProto, ModelProto, ValueInfoProto, helper, numpy_helper

Array = np.ndarray[Any, np.dtype[Any]]

NAME = "node_on_trial"
"""The name of the node, which every refusal has to say."""

OPSET = 23


@dataclass(frozen=True)
class Operand:
    """One operand; a constant is an initializer, any other an input of the model."""

    array: Array
    constant: bool = False


@dataclass(frozen=True)
class Node:
    """A node and all it takes to run it."""

    op_type: str
    operands: tuple[Operand | None, ...]
    attributes: Mapping[str, object] = field(default_factory=dict[str, object])
    results: int = 1
    domain: str = ""
    opset: int = OPSET

    @property
    def operator(self) -> str:
        return f"{self.domain}.{self.op_type}" if self.domain else self.op_type

    def names(self) -> list[str]:
        """What each operand is called, nothing for one that is left out."""
        return ["" if o is None else f"operand_{i}" for i, o in enumerate(self.operands)]

    def inputs(self) -> dict[str, Array]:
        """The tensors that are given when the model runs."""
        pairs = zip(self.names(), self.operands, strict=True)
        return {name: o.array for name, o in pairs if o is not None and not o.constant}

    def with_operand(self, index: int, operand: Operand | None) -> Node:
        """This node with another operand at a place; trailing gaps vanish."""
        slots = [*self.operands[:index], operand, *self.operands[index + 1 :]]
        while slots and slots[-1] is None:
            slots.pop()
        return replace(self, operands=tuple(slots))

    def model(self) -> ModelProto:
        """The model; results have no type, which every runtime infers or refuses."""
        node = helper.make_node(
            self.op_type, self.names(), self.result_names(), NAME, domain=self.domain
        )
        node.attribute.extend(_attribute(k, v) for k, v in self.attributes.items())
        pairs = list(zip(self.names(), self.operands, strict=True))
        constants = [numpy_helper.from_array(o.array, n) for n, o in pairs if o and o.constant]
        infos = [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for n, a in self.inputs().items()
        ]
        outputs = [ValueInfoProto(name=name) for name in self.result_names()]
        graph = helper.make_graph([node], "g", infos, outputs, constants)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def result_names(self) -> list[str]:
        return [f"result_{i}" for i in range(self.results)]


def _attribute(name: str, value: object) -> AttributeProto:
    """An attribute; an empty list is one of integers, an array becomes a tensor."""
    if isinstance(value, np.ndarray):
        return helper.make_attribute(name, numpy_helper.from_array(value))
    if value == []:
        return helper.make_attribute(name, value, attr_type=AttributeProto.INTS)
    return helper.make_attribute(name, value)
