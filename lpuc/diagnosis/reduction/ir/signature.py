"""What a function of tensors or buffers takes and gives, while its body is made smaller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import cast

from xdsl.dialects.builtin import ArrayAttr, FunctionType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, SSAValue

from dialects.lpu import control
from dialects.lpu.interface import Interface, InterfaceAttr, Resident, Value, interface_of
from dialects.lpu.types import TensorType
from dialects.lpu_mem import control as mem
from dialects.reading import operations
from lpuc.diagnosis.reduction.ir.changes import Impossible
from passes.rewriting.kernel import (
    drop_arguments,
    set_attribute,
    set_operands,
    set_property,
)
from passes.rewriting.signature import sign


@dataclass
class Signature:
    """What a function takes and gives, by value, while its body changes."""

    func: FuncOp
    interface: Interface | None
    ports: dict[SSAValue, Value]
    results: list[Value]

    @staticmethod
    def of(func: FuncOp) -> Signature:
        """The signature as it is."""
        is_tensors = isinstance(func.body.block.last_op, ReturnOp)
        if "lpu.interface" not in func.attributes or not is_tensors:
            return Signature(func, None, {}, [])
        interface = interface_of(func)
        ports = dict[SSAValue, Value](zip(func.args, interface.arguments, strict=True))
        return Signature(func, interface, ports, list(interface.results))

    @property
    def end(self) -> ReturnOp | mem.ReturnOp:
        """The operation that gives the results."""
        last = self.func.body.block.last_op
        if not isinstance(last, ReturnOp | mem.ReturnOp):
            raise Impossible
        return last

    def give(self, values: Sequence[SSAValue]) -> None:
        """Give more results."""
        if not values:
            return
        if isinstance(self.end, mem.ReturnOp):
            raise Impossible
        set_operands(self.end, [*self.end.operands, *values])
        for value in values:
            name = _unused({port.name for port in self.results})
            self.results.append(Value(name, "data", tensor_type_of(value).data.dtype))

    def keep(self, kept: Sequence[int]) -> None:
        """Give some of the results only."""
        set_operands(self.end, [self.end.operands[index] for index in kept])
        if isinstance(self.end, mem.ReturnOp):
            _keep_ports(self.func, "lpu_mem.outputs", kept)
        elif self.interface is not None:
            self.results = [self.results[index] for index in kept]

    def update(self) -> None:
        """Write what has become of it to the function."""
        func = self.func
        if not isinstance(func.body.block.last_op, ReturnOp):
            kind = FunctionType.from_lists([a.type for a in func.args], [])
            set_property(func, "function_type", kind)
            return
        if self.interface is not None:
            set_attribute(func, "lpu.interface", InterfaceAttr(self._declared(self.interface)))
        sign(func)

    def _declared(self, before: Interface) -> Interface:
        states = [op for op in operations(self.func.body.block) if isinstance(op, control.StateOp)]
        inner = {Resident(port.name) for op in states for port in op.inputs.data}
        outer = {Resident(port.name) for op in states for port in op.outputs.data}
        names = {port.name for port in before.inputs}
        for argument in self.func.args:
            if argument not in self.ports:
                name = _unused(names)
                names.add(name)
                self.ports[argument] = Value(name, "data", tensor_type_of(argument).data.dtype)
        arguments = [self.ports[argument] for argument in self.func.args]
        inputs = [port for port in before.inputs if port in inner or port in arguments]
        outputs = [port for port in before.outputs if port in outer or port in self.results]
        return Interface(
            (*inputs, *(port for port in arguments if port not in inputs)),
            (*outputs, *(port for port in self.results if port not in outputs)),
        )


def tensor_type_of(value: SSAValue) -> TensorType:
    if not isinstance(value.type, TensorType):
        raise Impossible
    return value.type


def _unused(names: set[str]) -> str:
    return next(name for name in (f"x{i}" for i in count()) if name not in names)


def unused(func: FuncOp) -> None:
    """Without arguments that nothing reads."""
    gone = [a for a in func.args if a.first_use is None]
    if isinstance(func.body.block.last_op, mem.ReturnOp):
        kept = [i for i, a in enumerate(func.args) if a.first_use is not None]
        _keep_ports(func, "lpu_mem.inputs", kept)
    drop_arguments(func.body.block, gone)


def _keep_ports(func: FuncOp, name: str, kept: Sequence[int]) -> None:
    """Keep some of the ports of a function of buffers."""
    ports = func.attributes.get(name)
    if isinstance(ports, ArrayAttr):
        entries = list(cast("ArrayAttr[Attribute]", ports))
        set_attribute(func, name, ArrayAttr([entries[index] for index in kept]))
