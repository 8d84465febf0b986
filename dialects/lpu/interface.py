"""
What the arguments and results of a function are to the outside: an attribute of the function.

```mlir
func.func @step(%ids : ..., %mask : ...) -> ... attributes {lpu.interface = #lpu.interface<
  ["input_ids" ids i64, "past.0.key" in state, "attention_mask" mask i64]
  -> ["logits" data f32, "present.0.key" in state]
>}
```
Inputs and outputs stand in the order of the model, by name (escaped), each with its role and the
element type that the model declares; values may be stored in a shorter one. What lives in a state
is no argument or result: the state of that name has the rest. `passes.rewriting.signature` is the
one place that edits it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from xdsl.dialects.func import FuncOp
from xdsl.ir import Data, SSAValue
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from dialects.lpu.attributes import SymbolsAttr
from dialects.lpu.control import StateOp
from dialects.lpu.types import TensorType, parse_dtype, parse_list
from dialects.names import quoted
from dialects.reading import operations
from dialects.refusal import require
from runtime.numerics.elements import ElementType

ROLES = frozenset(
    {
        *("data", "ids", "mask", "positions", "past", "recurrent", "present"),
        *("stops", "sampler", "sampler_ints"),
    }
)
"""What a value can be to a decoder; `data` says nothing."""


@dataclass(frozen=True)
class Value:
    """An input that is an argument, or an output that is a result."""

    name: str
    role: str
    dtype: ElementType

    def __str__(self) -> str:
        return f"{quoted(self.name)} {self.role} {self.dtype}"


@dataclass(frozen=True)
class Resident:
    """An input or output that is a port of a state."""

    name: str

    def __str__(self) -> str:
        return f"{quoted(self.name)} in state"


@dataclass(frozen=True)
class Interface:
    """Inputs and outputs in the order of the model."""

    inputs: tuple[Value | Resident, ...]
    outputs: tuple[Value | Resident, ...]

    @cached_property
    def arguments(self) -> tuple[Value, ...]:
        """The inputs that are arguments, in the order of the arguments."""
        return tuple(port for port in self.inputs if isinstance(port, Value))

    @cached_property
    def results(self) -> tuple[Value, ...]:
        """The outputs that are results, in the order of the results."""
        return tuple(port for port in self.outputs if isinstance(port, Value))

    @property
    def roles(self) -> tuple[str, ...]:
        """The role of each argument."""
        return tuple(port.role for port in self.arguments)

    def __str__(self) -> str:
        inputs, outputs = (", ".join(map(str, side)) for side in (self.inputs, self.outputs))
        return f"[{inputs}] -> [{outputs}]"


@irdl_attr_definition
class InterfaceAttr(Data[Interface]):
    """`#lpu.interface<["x" data f32] -> ["y" data f32]>`."""

    name = "lpu.interface"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Interface:
        with parser.in_angle_brackets():
            inputs = parse_list(parser, lambda: _parse_port(parser))
            parser.parse_punctuation("->")
            return Interface(inputs, parse_list(parser, lambda: _parse_port(parser)))

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{self.data}>")


def _parse_port(parser: AttrParser) -> Value | Resident:
    name = parser.parse_str_literal()
    if parser.parse_optional_keyword("in"):
        parser.parse_keyword("state")
        return Resident(name)
    return Value(name, parser.parse_identifier(), parse_dtype(parser))


def _unnamed(values: Iterable[SSAValue]) -> tuple[Value, ...]:
    types = [value.type for value in values]
    return tuple(
        Value(str(index), "data", kind.data.dtype)
        for index, kind in enumerate(types)
        if isinstance(kind, TensorType)
    )


def interface_of(func: FuncOp) -> Interface:
    """What a function declares; if nothing, its tensors are data, called by position."""
    attribute = func.attributes.get("lpu.interface")
    if isinstance(attribute, InterfaceAttr):
        return attribute.data
    end = func.body.block.last_op
    inputs, outputs = _resident(func)
    results = () if end is None else end.operands
    return Interface((*_unnamed(func.args), *inputs), (*_unnamed(results), *outputs))


def _resident(func: FuncOp) -> tuple[tuple[Resident, ...], tuple[Resident, ...]]:
    """The inputs and the outputs that are ports of states."""
    states = [op for op in operations(func.body.block) if type(op) is StateOp]
    return (
        tuple(Resident(port.name) for op in states for port in op.inputs.data),
        tuple(Resident(port.name) for op in states for port in op.outputs.data),
    )


def symbols_of(func: FuncOp) -> SymbolsAttr:
    """The symbols of a function; none before `onnx-bind-roles`."""
    attribute = func.attributes.get("lpu.symbols")
    return attribute if isinstance(attribute, SymbolsAttr) else SymbolsAttr(())


def check_interface(func: FuncOp) -> None:
    """
    `Refused` unless the interface fits arguments, results and states.

    A value may be stored in another float type than the model declares, and in no other.
    """
    interface, end = interface_of(func), func.body.block.last_op
    states = zip((interface.inputs, interface.outputs), _resident(func), strict=True)
    for ports, found in states:
        _check_ports(func, ports, found)
    for ports, values in (
        (interface.arguments, func.args),
        (interface.results, () if end is None else end.operands),
    ):
        fits = len(ports) == len(values)
        require(func, fits, f"it has {len(values)} values and an interface of {len(ports)}")
        for port, value in zip(ports, values, strict=True):
            _check_type(func, port, value)


def _check_ports(
    func: FuncOp, ports: tuple[Value | Resident, ...], found: tuple[Resident, ...]
) -> None:
    for name, count in Counter(port.name for port in ports).items():
        require(func, count == 1, f"{count} ports are called '{name}'")
    for port in ports:
        known = isinstance(port, Resident) or port.role in ROLES
        require(func, known, f"a port has an unknown role: {port}")
    lost = {port for port in ports if isinstance(port, Resident)} ^ set(found)
    require(func, not lost, f"ports and states differ in {', '.join(sorted(map(str, lost)))}")


def _check_type(func: FuncOp, port: Value, value: SSAValue) -> None:
    if isinstance(value.type, TensorType):
        stored = value.type.data.dtype
        fits = stored is port.dtype or (stored.is_float and port.dtype.is_float)
        require(func, fits, f"'{port.name}' is {port.dtype}, and stored as {stored}")
