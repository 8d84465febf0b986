"""
Keep a cache on the device: a pair of past input and present output becomes resident state.

```mlir
func.func @step(%past : !lpu.tensor<[1, P, 4], f16>, %new : !lpu.tensor<[1, 1, 4], f16>)
    -> (!lpu.tensor<[1, P + 1, 4], f16>, !lpu.tensor<[1, P + 1, 4], f16>)
    attributes {lpu.inputs = ["past", "new"], lpu.outputs = ["y", "present"],
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>, lpu.roles = ["past", "data"]} {
  %0 = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f16>, !lpu.tensor<[1, 1, 4], f16>
      -> !lpu.tensor<[1, P + 1, 4], f16>
  %1 = lpu.map "neg" %0 : !lpu.tensor<[1, P + 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  func.return %1, %0 : !lpu.tensor<[1, P + 1, 4], f16>, !lpu.tensor<[1, P + 1, 4], f16>
}
```
becomes
```mlir
func.func @step(%new : !lpu.tensor<[1, 1, 4], f16>) -> !lpu.tensor<[1, P + 1, 4], f16>
    attributes {lpu.inputs = ["new"], lpu.outputs = ["y"],
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>, lpu.roles = ["data"]} {
  %s = lpu.state "cache.0" inputs <["past" past f16 [1, P, 4] at [0, 0, 0]]>
      outputs <["present" present f16 [1, P + 1, 4] at [0, 0, 0]]> : !lpu.state<[1, 8, 4], f16>
  lpu.write %s, %new at <[0, P, 0]> : !lpu.state<[1, 8, 4], f16>, !lpu.tensor<[1, 1, 4], f16>
  %0 = lpu.read %s at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  %1 = lpu.map "neg" %0 : !lpu.tensor<[1, P + 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  func.return %1 : !lpu.tensor<[1, P + 1, 4], f16>
}
```

A result of the function is the present of a past if

1. it is a concatenation of two, or moves the elements of one as an exporter does for masked caches;
2. the first operand is an argument, and the axis is one along which it has a symbol, or its role
   is `past`;
3. the argument has no other use, but for the same concatenation in another type: that reads the
   state too, so all of its elements are rounded alike;
4. transposes and casts around both give the result the layout and type of the argument.

A result that moves elements is written back whole, behind the operation that gives it.

The interface stays as the host sees it: same names, types and extents. What does not match stays an
ordinary input. **Requires** the names in `lpu.inputs` and `lpu.outputs`.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue

from dialects.affine import Affine
from dialects.lpu import ops
from dialects.lpu.attributes import AffineListAttr
from dialects.lpu.control import ReadOp, StateOp, StateType, WriteOp
from dialects.lpu.ports import StatePort, StatePortsAttr
from dialects.lpu.types import TensorType
from passes.analysis.functions import functions, strings, symbol_ranges
from passes.lpu.state.pairs import Finder, Pair, inverse
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.kernel import (
    drop_arguments,
    erase,
    set_attribute,
    set_operands,
    sign,
    substitute,
)
from runtime.numerics import ElementType


class Interface:
    """Arguments and results of a function and what its attributes say about each."""

    INPUTS = ("lpu.inputs", "lpu.roles", "lpu.input_types")
    OUTPUTS = ("lpu.outputs", "lpu.output_types")

    def __init__(self, func: FuncOp) -> None:
        self.func = func
        terminator = func.body.block.last_op
        assert isinstance(terminator, ReturnOp)
        self.terminator = terminator
        self.ranges = symbol_ranges(func)
        self.order: dict[SSAValue, int] = {a: a.index for a in func.body.block.args}

    def past(self, argument: SSAValue) -> StatePort:
        """An argument as a port of a state."""
        return self._port("input", "past", self.order[argument], argument)

    def present(self, index: int) -> StatePort:
        """A result as a port of a state."""
        return self._port("output", "present", index, self.terminator.operands[index])

    def _port(self, side: str, role: str, index: int, value: SSAValue) -> StatePort:
        tensor = ops.tensor_of(value)
        given = strings(self.func, f"lpu.{side}_types")
        dtype = ElementType(given[index]) if given else tensor.dtype
        name = strings(self.func, f"lpu.{side}s")[index]
        return StatePort(name, role, dtype, tensor.shape, (0,) * tensor.rank)

    def drop(self, arguments: set[SSAValue], results: set[int]) -> None:
        """Remove arguments and results that have become ports."""
        block = self.func.body.block
        positions = {a.index for a in block.args if a in arguments}
        for name in self.INPUTS:
            self._filter(name, positions)
        for name in self.OUTPUTS:
            self._filter(name, results)
        kept = [v for i, v in enumerate(self.terminator.operands) if i not in results]
        set_operands(self.terminator, kept)
        for argument in [a for a in block.args if a in arguments]:
            _erase_views(argument)
        drop_arguments(block, arguments)
        sign(self.func)

    def _filter(self, name: str, dropped: set[int]) -> None:
        if name in self.func.attributes:
            entries = enumerate(strings(self.func, name))
            kept: list[Attribute] = [StringAttr(s) for i, s in entries if i not in dropped]
            set_attribute(self.func, name, ArrayAttr(kept))


def _erase_views(value: SSAValue) -> None:
    """Erase the casts and transposes of a value that nothing reads any more."""
    for use in list(value.uses):
        op = use.operation
        _erase_views(op.results[0])
        erase(op)


def make_state(interface: Interface, pair: Pair, name: str) -> None:
    """Put state in the place of a pair; the argument and the results are still there."""
    first, past = pair.concats[0], ops.tensor_of(pair.past)
    ports = tuple(interface.present(index) for index in pair.results)
    present = past.with_dims(ports[0].dims)
    build = Build(first)
    state = StateOp.create(
        result_types=[StateType(past.with_dims(present.bound(interface.ranges)))],
        properties={
            "state": StringAttr(name),
            "inputs": StatePortsAttr((interface.past(pair.past),)),
            "outputs": StatePortsAttr(ports),
        },
    )
    start = [Affine()] * past.rank
    at = list(start)
    at[pair.axis] = past.shape[pair.axis]
    new = build.transpose(build.cast(first.operands[1], past.dtype), inverse(pair.perm))
    build.insert(state)
    state.result.name_hint = "cache"
    _write(build, state, new, at)
    read = build.insert(
        ReadOp.create(
            operands=[state.result],
            properties={"offsets": AffineListAttr(tuple(start))},
            result_types=[TensorType(present)],
        )
    )
    if pair.moved is not None:
        behind = Build(following(pair.moved))
        _write(behind, state, behind.cast(pair.moved, past.dtype), start)
    stored = build.transpose(read.results[0], pair.perm)
    stored.name_hint = first.result.name_hint
    for concat in pair.concats:
        value = Build(concat).cast(stored, concat.result_tensor().dtype)
        substitute(concat, [value])


def _write(build: Build, state: StateOp, value: SSAValue, at: list[Affine]) -> None:
    offsets = AffineListAttr(tuple(at))
    write = WriteOp.create(operands=[state.result, value], properties={"offsets": offsets})
    build.insert(write)


def following(value: SSAValue) -> Operation:
    """The operation behind the one that gives a value."""
    op = value.owner
    assert isinstance(op, Operation) and op.next_op is not None
    return op.next_op


def convert(func: FuncOp) -> None:
    """Turn every pair of a function into state."""
    if not (strings(func, "lpu.inputs") and strings(func, "lpu.outputs")):
        return
    interface, found = Interface(func), Finder(func).pairs()
    if not found:
        return
    for number, pair in enumerate(found):
        make_state(interface, pair, f"cache.{number}")
    interface.drop({p.past for p in found}, {i for p in found for i in p.results})


@dataclass(frozen=True)
class LpuCacheToStatePass(RewritingPass):
    """Pairs of past and present become resident state, appended in place."""

    name = "lpu-cache-to-state"

    def rewrite(self, module: ModuleOp) -> None:
        for func in functions(module):
            convert(func)
