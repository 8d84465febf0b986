"""
Operations of the `onnx` level: one class per operator, generated from the schemas.

```mlir
%y = onnx.Gather(%table, %ids) {axis = 0 : i64, since_version = 13 : i64} : (...) -> ...
%z = onnx.Clip(%x, %max) {absent = #lpu.ints<[1]>, since_version = 13 : i64} : (...) -> ...
```

`since_version` says which version of the operator is meant; attributes and operands are checked
against that version. `absent` lists the positions of optional inputs that are left out although a
later one is given. Attributes of the node are properties under their ONNX names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import ClassVar, cast

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure

from dialects.definition import op_definition
from dialects.lpu.attributes import IntsAttr
from dialects.lpu.types import TensorType
from dialects.lpu.weights import Weight, WeightAttr
from dialects.onnx.attributes import Value, from_attribute, has_kind
from dialects.onnx.schemas import (
    DOMAINS,
    Arity,
    Schema,
    attribute_names,
    formal_at,
    input_names,
    is_operator,
    operators,
    schema_at,
)
from dialects.onnx.syntax import parse_node, print_node
from dialects.refusal import refuse, require

RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike"}
    | {"RandomUniform", "RandomUniformLike"}
)
"""Operators that two equal nodes may give different results for."""

WRITTEN = frozenset({("", "If"), ("", "Loop")})
"""Operators whose classes are not generated."""

OWN = frozenset({"since_version", "absent"})
"""Properties that are ours, not attributes of the node."""


class OnnxOp(IRDLOperation):
    """A node of an ONNX graph; see the module for its syntax."""

    OP_TYPE: ClassVar[str]
    DOMAIN: ClassVar[str]

    @property
    def since_version(self) -> int:
        return cast("IntegerAttr", self.properties["since_version"]).value.data

    @property
    def schema(self) -> Schema:
        """The schema of this node's version; `verify_` has seen that there is one."""
        schema = schema_at(self.DOMAIN, self.OP_TYPE, self.since_version)
        assert schema is not None
        return schema

    @property
    def absent(self) -> tuple[int, ...]:
        """Positions of inputs that are left out, ascending."""
        attribute = self.properties.get("absent")
        return attribute.data if isinstance(attribute, IntsAttr) else ()

    def slots(self) -> tuple[SSAValue | None, ...]:
        """One entry per input of the node, None where it is left out."""
        values: list[SSAValue | None] = list(self.operands)
        for position in self.absent:
            values.insert(position, None)
        return tuple(values)

    def get(self, name: str) -> SSAValue | None:
        """The operand for a formal input, None if it is left out or the version has none."""
        index = self._index(name)
        slots = self.slots()
        return slots[index] if index is not None and index < len(slots) else None

    def variadic(self, name: str) -> tuple[SSAValue, ...]:
        """All operands for a variadic formal input."""
        index = self._index(name)
        slots = () if index is None else self.slots()[index:]
        return tuple(value for value in slots if value is not None)

    def _index(self, name: str) -> int | None:
        """The position of a formal input; KeyError if no version has it."""
        index = self.schema.input_index.get(name)
        if index is None and name not in input_names(self.DOMAIN, self.OP_TYPE):
            raise KeyError(f"{self.name} has no input '{name}'")
        return index

    def attr(self, name: str) -> Value | None:
        """The value of an attribute, the version's default if it is left out, else None."""
        attribute = self.properties.get(name)
        if attribute is not None:
            return from_attribute(attribute)
        spec = self.schema.attributes.get(name)
        if spec is None and name not in attribute_names(self.DOMAIN, self.OP_TYPE):
            raise KeyError(f"{self.name} has no attribute '{name}'")
        return spec.default if spec else None

    def verify_(self) -> None:
        version = self.since_version
        schema = schema_at(self.DOMAIN, self.OP_TYPE, version)
        if schema is None:
            refuse(self, f"there is no version {version}")
        self._verify_operands(schema)
        self._verify_attributes(schema)

    def _verify_operands(self, schema: Schema) -> None:
        taken = len(self.operands) + len(self.absent)
        gaps = sorted({p for p in self.absent if 0 <= p < taken - 1})
        leaves_out = list(self.absent) == gaps
        require(self, leaves_out, f"absent = {list(self.absent)} leaves no input out")
        for position in self.absent:
            formal = formal_at(schema.inputs, position)
            given = position >= len(schema.inputs) or formal.arity is not Arity.OPTIONAL
            require(self, not given, f"input {position} must be given")
        low, high = schema.min_inputs, schema.max_inputs
        fits = _lies_within(taken, low, high)
        require(self, fits, f"it takes {_count_text(low, high)} inputs, not {taken}")
        low, high, results = schema.min_outputs, schema.max_outputs, len(self.results)
        fits = _lies_within(results, low, high)
        require(self, fits, f"it gives {_count_text(low, high)} outputs, not {results}")

    def _verify_attributes(self, schema: Schema) -> None:
        for name in self.attributes:
            require(self, "." in name, f"no version has an attribute '{name}'")
        for name, attribute in self.properties.items():
            if name in OWN:
                continue
            spec = schema.attributes.get(name)
            if spec is None:
                refuse(self, f"version {schema.since_version} has no attribute '{name}'")
            fits = has_kind(spec.kind, attribute)
            require(self, fits, f"attribute '{name}' must be {spec.kind}")
        for name, spec in schema.attributes.items():
            given = not spec.required or name in self.properties
            require(self, given, f"attribute '{name}' is required")

    def print(self, printer: Printer) -> None:
        print_node(self, printer)

    @classmethod
    def parse(cls, parser: Parser) -> OnnxOp:
        return parse_node(cls, parser)


def _lies_within(count: int, low: int, high: int | None) -> bool:
    return low <= count and (high is None or count <= high)


def _count_text(low: int, high: int | None) -> str:
    return str(low) if low == high else f"{low} to {'any number' if high is None else high}"


def op_name(domain: str, op_type: str) -> str:
    return f"onnx.{domain}.{op_type}" if domain else f"onnx.{op_type}"


def _generate(domain: str, op_type: str) -> type[OnnxOp]:
    """The class of one operator, with the attributes of all its versions as properties."""
    pure = op_type not in RANDOM
    body: dict[str, object] = {
        "name": op_name(domain, op_type),
        "__doc__": f"The operator {op_type} of the domain {domain or 'ai.onnx'}.",
        "__module__": __name__,
        "inputs": var_operand_def(TensorType),
        "outputs": var_result_def(TensorType),
        "version": prop_def(IntegerAttr, prop_name="since_version"),
        "left_out": opt_prop_def(IntsAttr, prop_name="absent"),
    }
    if pure:
        body["traits"] = traits_def(Pure())
    for attribute in attribute_names(domain, op_type):
        body[f"node_{attribute}"] = opt_prop_def(Attribute, prop_name=attribute)
    prefix = "".join(part.capitalize() for part in domain.split(".")) if domain else ""
    cls = irdl_op_definition(type(f"{prefix}{op_type}Op", (OnnxOp,), body))
    cls.OP_TYPE, cls.DOMAIN = op_type, domain
    return cls


@op_definition
class InitializerOp(IRDLOperation):
    """A constant of the graph, by reference: `onnx.Initializer #lpu.weight<...>`."""

    name = "onnx.Initializer"
    OP_TYPE: ClassVar[str] = "Initializer"
    DOMAIN: ClassVar[str] = ""
    value = prop_def(WeightAttr)
    result = result_def(TensorType)
    traits = traits_def(Pure())
    assembly_format = "$value attr-dict `:` type($result)"

    @property
    def weight(self) -> Weight:
        return self.value.data

    def verify_(self) -> None:
        assert isinstance(self.result.type, TensorType)
        weight, tensor = self.weight, self.result.type.data
        static = tensor.is_static and tensor.static_shape() == tuple(weight.shape)
        fits = static and tensor.dtype == weight.dtype
        held = f"{list(weight.shape)} of {weight.dtype}"
        require(self, fits, f"the weight is {held}, not {tensor}")


@cache
def classes() -> Mapping[tuple[str, str], type[OnnxOp]]:
    """Every operator's class, by domain and name; making all takes a tenth of a second."""
    keys = [(d, name) for d in DOMAINS for name in operators(d) if (d, name) not in WRITTEN]
    found = {key: op_class(*key) for key in keys}
    return {key: cls for key, cls in found.items() if cls is not None}


@cache
def op_class(domain: str, op_type: str) -> type[OnnxOp] | None:
    """The class of an operator, None if there is no such operator."""
    return _generate(domain, op_type) if is_operator(domain, op_type) else None


def create(
    cls: type[OnnxOp],
    inputs: Sequence[SSAValue | None],
    result_types: Sequence[TensorType],
    since_version: int,
    attributes: Mapping[str, Attribute],
) -> OnnxOp:
    """A node from its inputs with gaps: trailing gaps vanish, the others become `absent`."""
    slots = list(inputs)
    while slots and slots[-1] is None:
        slots.pop()
    absent = tuple(i for i, value in enumerate(slots) if value is None)
    properties: dict[str, Attribute] = dict(attributes)
    properties["since_version"] = IntegerAttr(since_version, i64)
    if absent:
        properties["absent"] = IntsAttr(absent)
    operands = [value for value in slots if value is not None]
    return cls.create(operands=operands, result_types=list(result_types), properties=properties)
