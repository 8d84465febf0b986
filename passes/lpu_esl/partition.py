"""
Let each device compute its part: values and weights become shards, and exchanges are marked.

```mlir
builtin.module attributes {lpu.options = {devices = 2 : i64},
    lpu_esl.plan = {devices = 2 : i64, model = "f9b2c7fbada78312", products = {fc = "8/2"}}} {
  func.func @step(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 8], f32> {
    %w = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
    %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32>
        -> !lpu.tensor<[1, 8], f32> loc("fc")
    %z = lpu.softmax %y empty "nan" : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 8], f32>
    func.return %z : !lpu.tensor<[1, 8], f32>
  }
}
```
becomes
```mlir
builtin.module attributes {lpu.options = {devices = 2 : i64},
    lpu_esl.plan = {devices = 2 : i64, model = "f9b2c7fbada78312", products = {fc = "8/2"}},
    lpu_esl.whole = {parameters = 128 : i64, share = 0.0 : f64, whole = []}} {
  func.func @step(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 8], f32>
      attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    %w = lpu.constant <shard(file("w", 0, [4, 8], f32), 2 x [[], [8/2]])>
        : !lpu_esl.shard<[4, 8], f32, 2 x [[], [8/2]]>
    %y = lpu.matmul %x, %w
        : !lpu.tensor<[1, 4], f32>, !lpu_esl.shard<[4, 8], f32, 2 x [[], [8/2]]>
        -> !lpu_esl.shard<[1, 8], f32, 2 x [[], [8/2]]>
    %0 = lpu_esl.unshard %y because "lpu.softmax needs all of it"
        : !lpu_esl.shard<[1, 8], f32, 2 x [[], [8/2]]> -> !lpu.tensor<[1, 8], f32>
    %z = lpu.softmax %0 empty "nan" : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 8], f32>
    func.return %z : !lpu.tensor<[1, 8], f32>
  }
}
```

1. An operation computes all factors of its results that are cut and whose axes are axes of its
   operands (`passes.lpu_esl.factors.links`): of each operand that has such a factor it reads a
   part. Axes of operands that are no axes of results are needed whole.
2. A value is there whole, in parts, or both, each made once and right behind the value: a weight in
   any form, a part of what is whole as one's own part, the whole of parts by an exchange.
3. What is elementwise and made of what every device has anyway is computed whole by all of them,
   and in parts where a part is asked for that takes parts of weights alone.
4. States, what loops carry and arguments are in parts where their factors are cut. A state is only
   cut along axes of which every window in the module has all.
5. Rows of a table that the head is tied to are looked up where they lie, and the largest logits
   are selected where they are (`passes.lpu_esl.partitioning`: `lookup`, `largest`).

The symbols `d0`, `d1`, ... are the numbers of this device and of those to its right, around the
ring; offsets depend on them, extents and the number of turns do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, SSAValue

from dialects.devices import device_symbol, is_device_symbol
from dialects.errors import CompileError
from dialects.lpu.attributes import SymbolsAttr
from dialects.lpu.control import ForOp, ReadOp, StateOp, StateType, WriteOp, YieldOp, state_of
from dialects.lpu.interface import symbols_of
from dialects.lpu.ports import StatePort, StatePortsAttr
from dialects.lpu.tensors import LpuOp, sharding_of, tensor_of
from dialects.lpu_esl.types import local_tensor, shard_type
from dialects.reading import operations
from passes.analysis.functions import devices_of, functions
from passes.lpu_esl.factors.analysis import Factors
from passes.lpu_esl.factors.products import Products
from passes.lpu_esl.factors.written import read
from passes.lpu_esl.partitioning.forms import ELEMENTWISE, WHOLE, Forms, Need
from passes.lpu_esl.partitioning.largest import select_largest, shared_selection
from passes.lpu_esl.partitioning.layouts import Chosen, Layouts
from passes.lpu_esl.partitioning.lookup import look_up, shared_table
from passes.lpu_esl.partitioning.whole import check_budget
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import (
    erase_unread,
    retype,
    set_attribute,
    set_operand,
    set_operands,
    set_property,
)
from passes.rewriting.remarks import PARTITION
from passes.rewriting.signature import sign
from passes.specification import EXACT, Specification
from runtime.sharding import Sharding


class Partitioner:
    """Rewrites the functions of a module, one after the other."""

    def __init__(self, forms: Forms) -> None:
        self.forms, self.factors, self.layouts = forms, forms.factors, forms.layouts
        self._replaced: list[Operation] = []

    def function(self, func: FuncOp) -> None:
        """Partition a function, its arguments included."""
        block = func.body.block
        for argument in block.args:
            self._shard(argument)
        self._block(block)
        erase_unread(reversed(self._replaced))
        self._replaced.clear()
        count_devices(func, self.layouts.devices)
        sign(func)

    def _block(self, block: Block) -> None:
        for op in operations(block):
            if isinstance(op, ForOp):
                self._loop(op)
            elif isinstance(op, StateOp):
                self._state(op)
            elif isinstance(op, ReturnOp):
                self._return(op)
            elif isinstance(op, WriteOp):
                self._write(op)
            elif self._is_demanded(op):
                self._replaced.append(op)
            elif not isinstance(op, YieldOp):
                self._operation(op)

    def _is_demanded(self, op: Operation) -> bool:
        return bool(op.results) and self.forms.is_demanded(op.results[0])

    def _operation(self, op: Operation) -> None:
        found = self._together(op)
        if found is not None:
            for old, new in zip(op.results, found, strict=True):
                self.forms.put_whole(old, new)
            self._replaced.append(op)
            return
        chosen = self._chosen(op)
        if not chosen:
            self._whole(op)
            if isinstance(op, ELEMENTWISE):
                self._replaced.append(op)
            return
        made = self.forms.local(op, chosen, f"{op.name} needs all of it")
        for old, new in zip(op.results, made, strict=True):
            self.forms.put(old, new)
        self._replaced.append(op)

    def _together(self, op: Operation) -> Sequence[SSAValue] | None:
        """What devices find together, each in its part of an axis that is needed whole."""
        table = shared_table(self.forms, op)
        if table is not None:
            return (look_up(self.forms, table),)
        selection = shared_selection(self.forms, op)
        return None if selection is None else select_largest(self.forms, selection)

    def _whole(self, op: Operation) -> None:
        for index, need in enumerate(self.forms.needs(op, WHOLE)):
            if need is not None:
                value = self.forms.get(need, f"{op.name} needs all of it")
                if value is not op.operands[index]:
                    set_operand(op, index, value)

    def _chosen(self, op: Operation) -> Chosen:
        """What is cut of the results: all that can be, unless it costs nothing to have it all."""
        if isinstance(op, ReadOp):
            return self._held(op.state)
        if not op.results or not isinstance(op, LpuOp) or self._is_cheap_whole(op):
            return WHOLE
        tied = self.factors.ties(op).result
        options = [self.layouts.chosen(self.factors.axes(v), tied) for v in op.results]
        chosen: Chosen = options[0].intersection(*options[1:])
        last_first = [factor for factor in self.layouts.cuts if factor in chosen][::-1]
        while last_first and not self._can_read(op, chosen):
            chosen -= {last_first[0]}
            PARTITION.no(op, "factor {} is not cut: an operand is not there so", last_first.pop(0))
        PARTITION.yes(op, "cut by factors {}" if chosen else "whole", sorted(chosen))
        return chosen

    def _can_read(self, op: Operation, chosen: Chosen) -> bool:
        """Whether all that an operation reads can be had with these factors cut."""
        return all(
            need is None or self.forms.is_there(need) for need in self.forms.needs(op, chosen)
        )

    def _is_cheap_whole(self, op: Operation) -> bool:
        """Whether something elementwise is made of what every device has anyway."""
        if not isinstance(op, ELEMENTWISE):
            return False
        return all(map(self._is_light_whole, op.operands))

    def _is_light_whole(self, value: SSAValue) -> bool:
        """Whether a value is whole on every device, and is no table that would have to be."""
        weights = self.factors.reading.weights(value)
        return self.forms.has_whole(value) and weights.isdisjoint(self.factors.matrices)

    def _shard(self, value: SSAValue) -> None:
        """Let a value be in parts from the start: an argument, or what a loop carries."""
        sharding = self.forms.need(value, self._all_cut(value)).sharding
        told = self.layouts.is_own(sharding) or isinstance(value.owner.parent_op(), FuncOp)
        if told and not sharding.is_whole:
            retype(value, shard_type(tensor_of(value), sharding))
            self.forms.put(value, value)

    def _loop(self, op: ForOp) -> None:
        arguments, carried = op.block.args, len(op.block.args)
        for argument in arguments:
            self._shard(argument)
        set_operands(op, [self._carried(v, a) for v, a in zip(op.init, arguments, strict=True)])
        self._block(op.block)
        yielded = list(op.terminator.values)
        values = [self._carried(v, a) for v, a in zip(yielded[:carried], arguments, strict=True)]
        rest = [
            self.forms.get(self.forms.need(v, WHOLE), "it is stacked") for v in yielded[carried:]
        ]
        set_operands(op.terminator, [*values, *rest])
        for result, argument in zip(op.outputs[:carried], arguments, strict=True):
            if sharding_of(argument) is not None:
                retype(result, argument.type)
                self.forms.put(result, result)

    def _carried(self, value: SSAValue, argument: SSAValue) -> SSAValue:
        """A value in the form in which a loop carries it, however its own factors are split."""
        sharding = sharding_of(argument)
        if sharding is None:
            need = self.forms.need(value, WHOLE)
        else:
            need = Need(value, sharding, self._all_cut(argument))
        return self.forms.get(need, "a loop carries it")

    def _all_cut(self, value: SSAValue) -> Chosen:
        """All cuts that a value can have at once."""
        axes = self.factors.axes(value)
        return self.layouts.chosen(axes, range(len(axes)))

    def _state(self, op: StateOp) -> None:
        sharding = self.forms.need(op.result, self._held(op.result)).sharding
        if sharding.is_whole:
            return
        retype(op.result, StateType(local_tensor(state_of(op.result), sharding)))
        for name in ("inputs", "outputs"):
            ports = getattr(op, name).data
            set_property(op, name, StatePortsAttr(tuple(_port(p, sharding) for p in ports)))

    def _held(self, state: SSAValue) -> Chosen:
        """What is cut of a state: what every window has, in all functions."""
        return self.layouts.chosen(self.factors.axes(state), self.factors.windows(state))

    def _write(self, op: WriteOp) -> None:
        chosen = self._held(op.state)
        set_operands(op, self.forms.operands(op, chosen, "it is written to a state"))

    def _return(self, op: ReturnOp) -> None:
        for index, value in enumerate(op.operands):
            found = self.forms.any_of(value)
            if found is not value:
                set_operand(op, index, found)


def _port(port: StatePort, sharding: Sharding) -> StatePort:
    """A port whose axes are the last of its state."""
    lead = len(sharding.axes) - len(port.dims)
    return replace(port, sharding=Sharding(sharding.devices, sharding.axes[lead:]))


def count_devices(func: FuncOp, devices: int) -> None:
    """Give a function the symbols `d0`, `d1`, ...: the numbers of this device and those right."""
    numbers = [(device_symbol(index, devices), 0, devices - 1) for index in range(devices)]
    for name, _, _ in symbols_of(func).data:
        if is_device_symbol(name):
            hint = f"give it a value with --shape {name}=..., or rename it"
            raise CompileError(f"the dimension '{name}' is called like a device", hint=hint)
    symbols = tuple(sorted((*symbols_of(func).data, *numbers)))
    set_attribute(func, "lpu.symbols", SymbolsAttr(symbols))


class LpuEslPartitionPass(RewritingPass):
    """Let each device compute its part."""

    name = "lpu-esl-partition"
    specification = Specification(
        level="lpu",
        to="lpu_esl",
        needs={"plan": "the plan says what is cut"},
        gives=("shards",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        devices, factors = devices_of(module), Factors(module)
        cuts = read(module, Products(module, factors), devices)
        partitioner = Partitioner(Forms(factors, Layouts(factors.classes, cuts, devices)))
        for func in functions(module):
            partitioner.function(func)
        check_budget(module)
