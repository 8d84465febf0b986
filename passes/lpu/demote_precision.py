"""
Store weights and cache, and read and write matrix products, in a shorter float type.

```mlir
builtin.module attributes {lpu.options = {precision = "f16"}} {
  func.func @step(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 2], f32> {
    %w = lpu.constant <file("w", 0, [4, 2], f32)> : !lpu.tensor<[4, 2], f32>
    %y = lpu.matmul %x, %w
        : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 2], f32> -> !lpu.tensor<[1, 2], f32>
    func.return %y : !lpu.tensor<[1, 2], f32>
  }
}
```
becomes
```mlir
builtin.module attributes {lpu.options = {precision = "f16"}} {
  func.func @step(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 2], f32>
      attributes {lpu.interface = #lpu.interface<["0" data f32] -> ["0" data f32]>} {
    %0 = lpu.cast %x : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f16>
    %1 = lpu.constant <cast(file("w", 0, [4, 2], f32), f16)> : !lpu.tensor<[4, 2], f16>
    %w = lpu.constant <file("w", 0, [4, 2], f32)> : !lpu.tensor<[4, 2], f32>
    %2 = lpu.matmul %0, %1
        : !lpu.tensor<[1, 4], f16>, !lpu.tensor<[4, 2], f16> -> !lpu.tensor<[1, 2], f16>
    %y = lpu.cast %2 : !lpu.tensor<[1, 2], f16> -> !lpu.tensor<[1, 2], f32>
    func.return %y : !lpu.tensor<[1, 2], f32>
  }
}
```

1. A product is demoted when it depends on tokens, on the cache or on a float input; what comes from
   positions, masks and constants alone stays f32 (decision 2: RoPE angles).
2. A table that token ids look up is demoted; one that positions look up is not.
3. Cache inputs and outputs are stored in the shorter type. The interface keeps the ONNX types.
4. A demotion moves up through views and concatenations, to the weight or the cache if it can.

Everything else, norms, softmax and sums among it, stays f32. With `precision=f32` nothing changes.
What is not read any more is for `dce`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from dialects.lpu import ops
from dialects.lpu.facts import facts_of
from dialects.lpu.interface import interface_of
from dialects.lpu.types import tensor_type
from dialects.lpu.weights import Cast
from passes.analysis.functions import options, step_function
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.kernel import retype, set_operand, set_operands, substitute
from passes.rewriting.signature import declare, sign, terminator_of
from passes.specification import Specification, rounds
from runtime.numerics import ElementType

F32 = ElementType.F32


@dataclass
class Demotion:
    """The short type, what depends on data, and the short form of values so far."""

    short: ElementType
    tainted: set[SSAValue]
    tokens: set[SSAValue]
    shorter: dict[SSAValue, SSAValue] = field(default_factory=dict)

    def demoted(self, value: SSAValue) -> SSAValue:
        """A value in the short type, as far up as its definition allows."""
        if ops.tensor_of(value).dtype != F32:
            return value
        if value not in self.shorter:
            self.shorter[value] = self._demote(value)
        return self.shorter[value]

    def _demote(self, value: SSAValue) -> SSAValue:
        op = value.owner
        if isinstance(op, ops.CastOp) and ops.tensor_of(op.source).dtype == self.short:
            return op.source
        if isinstance(op, ops.ConstantOp):
            return Build(op).constant(Cast(op.value.data, self.short))
        if isinstance(op, Operation) and facts_of(op).moves:
            return self._clone(op, [self.demoted(v) for v in op.operands])
        return Build(following(value)).cast(value, self.short)

    def _clone(self, op: Operation, operands: list[SSAValue]) -> SSAValue:
        new = type(op).create(
            operands=operands,
            result_types=[
                tensor_type(t.with_dtype(self.short)) for t in map(ops.tensor_of, op.results)
            ],
            properties=op.properties,
        )
        return Build(op).insert(new).results[0]

    def product(self, op: ops.MatmulOp) -> None:
        """Rule 1."""
        dtypes = {t.dtype for t in op.operand_tensors()}
        if dtypes != {F32} or not self.tainted & set(op.operands):
            return
        build = Build(op)
        result = build.matmul(self.demoted(op.lhs), self.demoted(op.rhs))
        self._replace(op, result, build)

    def lookup(self, op: ops.GatherOp) -> None:
        """Rule 2."""
        table = op.source.owner
        if isinstance(table, ops.ConstantOp) and op.indices in self.tokens:
            if ops.tensor_of(op.source).dtype != F32:
                return
            build = Build(op)
            result = build.gather(self.demoted(op.source), op.indices, op.axis.value.data)
            self._replace(op, result, build)

    def _replace(self, op: Operation, short: SSAValue, build: Build) -> None:
        long = build.cast(short, F32)
        self.shorter[long] = short
        if op.results[0] in self.tainted:
            self.tainted.add(long)
        substitute(op, [long])


def following(value: SSAValue) -> Operation:
    """The operation behind the definition of a value."""
    if isinstance(value, BlockArgument):
        first = value.block.first_op
        assert first is not None
        return first
    op = value.owner
    assert isinstance(op, Operation)
    assert op.next_op is not None
    return op.next_op


def reachable(func: FuncOp, *roots: Sequence[SSAValue]) -> tuple[set[SSAValue], ...]:
    """For each of several sets of roots every value that depends on one of them, in one walk."""
    reach = dict[SSAValue, int]()
    for index, values in enumerate(roots):
        reach.update((value, reach.get(value, 0) | 1 << index) for value in values)
    for op in func.body.block.ops:
        bits = 0
        for operand in op.operands:
            bits |= reach.get(operand, 0)
        if bits:
            reach.update((result, bits) for result in op.results)
    return tuple({v for v, bits in reach.items() if bits >> i & 1} for i in range(len(roots)))


def _arguments(func: FuncOp, *roles: str) -> Iterator[SSAValue]:
    for argument, role in zip(func.args, interface_of(func).roles, strict=True):
        if role in roles:
            yield argument


def demote(func: FuncOp, short: ElementType) -> None:
    """Demote one function; its interface keeps the ONNX types."""
    declare(func, interface_of(func))
    terminator = terminator_of(func)
    floats = [a for a in _arguments(func, "data") if ops.tensor_of(a).dtype.is_float]
    roots = ([*_arguments(func, "ids")], floats, [*_arguments(func, "past")])
    tokens, data, past = reachable(func, *roots)
    work = Demotion(short, tokens | data | past, tokens)
    _store_cache(func, work)
    for op in list(func.body.block.ops):
        if isinstance(op, ops.MatmulOp):
            work.product(op)
        elif isinstance(op, ops.GatherOp):
            work.lookup(op)
    _store_outputs(work, past, terminator)
    sign(func)


def _store_cache(func: FuncOp, work: Demotion) -> None:
    """Rule 3 for the inputs."""
    for argument in list(_arguments(func, "past")):
        tensor = ops.tensor_of(argument)
        if tensor.dtype != F32:
            continue
        readers = [(use.operation, use.index) for use in argument.uses]
        retype(argument, tensor_type(tensor.with_dtype(work.short)))
        long = Build(following(argument)).cast(argument, F32)
        for reader, index in readers:
            set_operand(reader, index, long)
        work.shorter[long] = argument
        work.tainted.update((argument, long))


def _store_outputs(work: Demotion, past: set[SSAValue], terminator: ReturnOp) -> None:
    """Rule 3 for the outputs: those that continue a cache input."""
    outputs = [
        work.demoted(value) if isinstance(value.owner, ops.ConcatOp) and value in past else value
        for value in terminator.operands
    ]
    set_operands(terminator, outputs)


def _option(module: ModuleOp) -> str:
    entry = options(module).get("precision")
    return entry.data if isinstance(entry, StringAttr) else "f32"


@dataclass(frozen=True)
class LpuDemotePrecisionPass(RewritingPass):
    """Demote weights, cache and products to `precision`: by default what the module asks for."""

    name = "lpu-demote-precision"
    specification = Specification(
        level="lpu",
        after={"constants": "weights have become references it can cast"},
        gives=("stored",),
        spoils=("live",),
        numbers=rounds("u |w|, u |x| for operands, u |y| for results of products"),
    )
    precision: str | None = None

    def rewrite(self, module: ModuleOp) -> None:
        short = ElementType(self.precision or _option(module))
        if short != F32:
            demote(step_function(module), short)
