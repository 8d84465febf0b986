"""
Keep a cache on the device: a pair of past input and present output becomes resident state.

```mlir
func.func @step(%past : !lpu.tensor<[1, P, 4], f16>, %new : !lpu.tensor<[1, 1, 4], f16>)
    -> (!lpu.tensor<[1, P + 1, 4], f16>, !lpu.tensor<[1, P + 1, 4], f16>)
    attributes {lpu.interface = #lpu.interface<
                  ["past" past f16, "new" data f16] -> ["y" data f16, "present" data f16]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %0 = lpu.concat %past, %new axis 1 : !lpu.tensor<[1, P, 4], f16>, !lpu.tensor<[1, 1, 4], f16>
      -> !lpu.tensor<[1, P + 1, 4], f16>
  %1 = lpu.map "neg" %0 : !lpu.tensor<[1, P + 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  func.return %1, %0 : !lpu.tensor<[1, P + 1, 4], f16>, !lpu.tensor<[1, P + 1, 4], f16>
}
```
becomes
```mlir
func.func @step(%new : !lpu.tensor<[1, 1, 4], f16>) -> !lpu.tensor<[1, P + 1, 4], f16>
    attributes {lpu.interface = #lpu.interface<
                  ["past" in state, "new" data f16] -> ["y" data f16, "present" in state]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %s = lpu.state "cache.0" inputs <["past" past f16 [1, P, 4] at [0, 0, 0]]>
      outputs <["present" present f16 [1, P + 1, 4] at [0, 0, 0]]> : !lpu.state<[1, 8, 4], f16>
  lpu.write %s, %new at <[0, P, 0]> : !lpu.state<[1, 8, 4], f16>, !lpu.tensor<[1, 1, 4], f16>
  %0 = lpu.read %s at <[0, 0, 0]> : !lpu.state<[1, 8, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  %1 = lpu.map "neg" %0 : !lpu.tensor<[1, P + 1, 4], f16> -> !lpu.tensor<[1, P + 1, 4], f16>
  func.return %1 : !lpu.tensor<[1, P + 1, 4], f16>
}
```

A result of the function is the present of a past if

1. it is a concatenation of two, or moves rows of one to where data says, as exporters do for masked
   caches, and holds as many;
2. the first operand is an argument, and the axis is one along which it has a symbol, or its role
   is `past` and it has none;
3. the argument has no other use;
4. transposes around both give the result the layout of the argument; nothing is cast, but for
   the casts at both ends of what the model keeps in a shorter type (`passes.lpu.state.rounded`);
5. names do not declare another result to be the present (`passes.lpu.state.pairs`).

A cache that holds keys and values of a layer, or those of all layers, is one state of several
windows, if each of its blocks is continued so and the result has them all in order
(`passes.lpu.state.stacks`).

A result that moves rows is written back whole, behind the operation that gives it. So is what each
step replaces, as the last tokens of a convolution: an input of fixed extents, and the one result
that names declare its present, of the same type and computed from it (`passes.lpu.state.replaced`).
It is read before its first reader.

The interface stays as the host sees it: same names, types and extents. What does not match stays an
ordinary input. The interface keeps its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from dialects.affine import Affine
from dialects.lpu.attributes import AffineListAttr
from dialects.lpu.control import ReadOp, StateOp, StateType, WriteOp
from dialects.lpu.interface import Value, interface_of
from dialects.lpu.ports import StatePort, StatePortsAttr
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import TensorType
from dialects.reading import operations
from passes.analysis.functions import functions, symbol_ranges
from passes.lpu.state.pairs import Finder, Pair, inverse
from passes.lpu.state.replaced import RECURRENT, Replaced, replaced
from passes.lpu.state.rounded import take_rounded
from passes.lpu.state.stacks import Stack, chain_of, stacks
from passes.rewriting import kernel
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.kernel import erase, erase_unread, substitute
from passes.rewriting.signature import declare, keep_in_states, terminator_of
from passes.specification import EXACT, Specification


class Ports:
    """Arguments and results of a function as ports of a state."""

    def __init__(self, func: FuncOp) -> None:
        self.interface, self.results = interface_of(func), terminator_of(func).operands
        self.ranges = symbol_ranges(func)

    def past(self, argument: BlockArgument) -> StatePort:
        """An argument as a port."""
        return _port(self.interface.arguments[argument.index], "past", argument)

    def present(self, index: int) -> StatePort:
        """A result as a port."""
        return _port(self.interface.results[index], "present", self.results[index])


def _port(declared: Value, role: str, value: SSAValue) -> StatePort:
    tensor = tensor_of(value)
    return StatePort(declared.name, role, declared.dtype, tensor.shape, (0,) * tensor.rank)


def _erase_views(value: SSAValue) -> None:
    """Erase the transposes of a value that nothing reads any more."""
    for use in list(value.uses):
        op = use.operation
        _erase_views(op.results[0])
        erase(op)


def make_state(named: Ports, pair: Pair, name: str) -> None:
    """Put state in the place of a pair; the argument and the results are still there."""
    concat, past = pair.concat, tensor_of(pair.past)
    ports = tuple(named.present(index) for index in pair.results)
    present = past.with_dims(ports[0].dims)
    build = Build(concat)
    state = StateOp.create(
        result_types=[StateType(past.with_dims(present.bound(named.ranges)))],
        properties={
            "state": StringAttr(name),
            "inputs": StatePortsAttr((named.past(pair.past),)),
            "outputs": StatePortsAttr(ports),
        },
    )
    start = [Affine()] * past.rank
    at = list(start)
    at[pair.axis] = past.shape[pair.axis]
    new = build.transpose(concat.operands[1], inverse(pair.perm))
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
        _write(Build.behind(pair.moved), state, pair.moved, start)
    stored = build.transpose(read.results[0], pair.perm)
    stored.name_hint = concat.result.name_hint
    substitute(concat, [stored])


def make_stacked(named: Ports, stack: Stack, name: str) -> None:
    """Put one state in the place of a stacked cache; its blocks are windows of it."""
    past, first = tensor_of(stack.past), _foremost(stack.parts)
    ports = tuple(named.present(index) for index in stack.results)
    present = past.with_dims(ports[0].dims)
    state = StateOp.create(
        result_types=[StateType(past.with_dims(present.bound(named.ranges)))],
        properties={
            "state": StringAttr(name),
            "inputs": StatePortsAttr((named.past(stack.past),)),
            "outputs": StatePortsAttr(ports),
        },
    )
    Build(first).insert(state)
    state.result.name_hint = "cache"
    for number, concat in enumerate(stack.parts):
        build, dims = Build(concat), list(present.shape)
        at = [Affine(place) for place in stack.place(number)] + [Affine()] * len(stack.block)
        dims[: stack.lead] = [Affine(1)] * stack.lead
        new = list(dims)
        new[stack.axis] = tensor_of(concat.operands[1]).shape[concat.axis.value.data]
        end = list(at)
        end[stack.axis] = past.shape[stack.axis]
        _write(build, state, build.reshape(concat.operands[1], new), end)
        window = build.insert(
            ReadOp.create(
                operands=[state.result],
                properties={"offsets": AffineListAttr(tuple(at))},
                result_types=[TensorType(present.with_dims(dims))],
            )
        )
        substitute(concat, [build.reshape(window.results[0], concat.result_tensor().shape)])


def make_replaced(named: Ports, pair: Replaced, name: str) -> None:
    """Put state in the place of what a step replaces; reads come before the one write."""
    past, tensor = pair.past, tensor_of(pair.past)
    build = Build(_foremost([use.operation for use in past.uses]))
    state = StateOp.create(
        result_types=[StateType(tensor)],
        properties={
            "state": StringAttr(name),
            "inputs": StatePortsAttr((replace(named.past(past), role=RECURRENT),)),
            "outputs": StatePortsAttr((named.present(pair.result),)),
        },
    )
    build.insert(state)
    state.result.name_hint = "state"
    start = [Affine()] * tensor.rank
    read = build.insert(
        ReadOp.create(
            operands=[state.result],
            properties={"offsets": AffineListAttr(tuple(start))},
            result_types=[past.type],
        )
    )
    kernel.replace(past, read.results[0])
    result = named.results[pair.result]
    _write(Build.behind(result), state, result, start)


def _foremost(operations: Sequence[Operation]) -> Operation:
    """The one that stands before all others."""
    first, *others = operations
    for op in others:
        first = op if op.is_before_in_block(first) else first
    return first


def _write(build: Build, state: StateOp, value: SSAValue, at: list[Affine]) -> None:
    offsets = AffineListAttr(tuple(at))
    write = WriteOp.create(operands=[state.result, value], properties={"offsets": offsets})
    build.insert(write)


def convert(func: FuncOp) -> None:
    """Turn every pair of a function into state."""
    take_rounded(func)
    named, found, stacked = Ports(func), Finder(func).pairs(), stacks(func)
    kept = {pair.past for pair in (*found, *stacked)}
    others = replaced(func, kept)
    if not kept and not others:
        return
    declare(func, named.interface)
    for number, pair in enumerate(found):
        make_state(named, pair, f"cache.{number}")
    shown = {
        op for stack in stacked for index in stack.results for op in chain_of(named.results[index])
    }
    for number, stack in enumerate(stacked, start=len(found)):
        make_stacked(named, stack, f"cache.{number}")
    both = (*found, *stacked)
    for number, pair in enumerate(others, start=len(both)):
        make_replaced(named, pair, f"cache.{number}")
    for pair in both:
        _erase_views(pair.past)
    results = {index for pair in both for index in pair.results}
    results |= {pair.result for pair in others}
    keep_in_states(func, {pair.past.index for pair in (*both, *others)}, results)
    erase_unread([op for op in reversed(operations(func.body.block)) if op in shown])


class LpuCacheToStatePass(RewritingPass):
    """Pairs of past and present become resident state, appended in place."""

    name = "lpu-cache-to-state"
    specification = Specification(
        level="lpu",
        after={
            "stored": "a state has the type that is stored",
            "live": "a dead reader of a cache is a reader",
        },
        gives=("states",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        for func in functions(module):
            convert(func)
