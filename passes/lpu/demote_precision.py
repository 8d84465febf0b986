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
3. Cache inputs and outputs are stored in the shorter type, but for states that each step replaces.
   The interface keeps the ONNX types.
4. A demotion moves up through views and concatenations, to the weight or the cache if it can; for
   what a cache will hold, through choices and lookups, too.
5. A product of two computed tensors, such as the scores of attention, rounds its operands alone
   (`passes.lpu.precision.products`).
6. A product of bytes on linear scales, and a lookup in them, rounds neither: it is of whole
   numbers, and scaled behind (`passes.lpu.precision.whole`).
7. What a model computes in a short type itself is rounded only where it is stored
   (`passes.lpu.precision.widening`); the least number of the type becomes the least f32.

Everything else, norms, softmax and sums among it, stays f32. With `precision=f32` nothing changes:
what a model rounds itself stays rounded, and unraised. What is not read any more is for `dce`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from dialects.lpu.elementwise import CastOp, ConstantOp
from dialects.lpu.interface import interface_of
from dialects.lpu.movement import ConcatOp, GatherOp
from dialects.lpu.products import MatmulOp
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import tensor_type
from dialects.reading import operations
from passes.analysis.functions import functions, options
from passes.lpu.precision.forms import F32, Forms
from passes.lpu.precision.products import multiply
from passes.lpu.precision.whole import look_up_whole
from passes.lpu.precision.widening import widen
from passes.lpu.state.carried import carried
from passes.lpu.state.replaced import RECURRENT, declared_presents
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.kernel import replace, retype, set_operand
from passes.rewriting.signature import declare, sign, terminator_of
from passes.specification import Specification, rounds
from runtime.numerics.elements import ElementType


def reachable(func: FuncOp, *roots: Sequence[SSAValue]) -> tuple[set[SSAValue], ...]:
    """For each of several sets of roots every value that depends on one of them, in one walk."""
    reach = dict[SSAValue, int]()
    for index, values in enumerate(roots):
        reach.update((value, reach.get(value, 0) | 1 << index) for value in values)
    for op in operations(func.body.block):
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
    floats = [a for a in _arguments(func, "data", RECURRENT) if tensor_of(a).dtype.is_float]
    roots = ([*_arguments(func, "ids")], floats, [*_arguments(func, "past")])
    tokens, data, past = reachable(func, *roots)
    forms = Forms(short, tokens | data | past)
    whole = _replaced(func)
    _store_cache(func, forms, short, whole)
    for op in operations(func.body.block):
        if type(op) is MatmulOp:
            multiply(op, forms)
        elif type(op) is GatherOp and op.indices in tokens:
            _look_up(op, forms, short)
        else:
            widen(op, forms)
    _store_outputs(forms, past - _given(terminator, whole.values()), terminator, short)
    sign(func)


def _look_up(op: GatherOp, forms: Forms, short: ElementType) -> None:
    """Rule 2."""
    if isinstance(op.source.owner, ConstantOp) and tensor_of(op.source).dtype == F32:
        if look_up_whole(op, forms):
            return
        table = forms.demoted(op.source, short)
        forms.lengthens(op, Build(op).gather(table, op.indices, op.axis.value.data))


def _store_cache(
    func: FuncOp, forms: Forms, short: ElementType, whole: Collection[SSAValue]
) -> None:
    """Rule 3 for the inputs."""
    for argument in list(_arguments(func, "past")):
        tensor = tensor_of(argument)
        if tensor.dtype != F32 or argument in whole:
            continue
        readers = [(use.operation, use.index) for use in argument.uses]
        retype(argument, tensor_type(tensor.with_dtype(short)))
        long = Build.behind(argument).cast(argument, F32)
        for reader, index in readers:
            set_operand(reader, index, long)
        forms.shorter[long] = argument
        forms.tainted.update((argument, long))


def _replaced(func: FuncOp) -> dict[SSAValue, int]:
    """
    Inputs that each step replaces, and the results that do so; they stay as they are.

    Rounded in every step, what they hold would drift away.
    """
    results = terminator_of(func).operands
    presents = declared_presents(func).items()
    return {past: index for past, index in presents if results[index].type == past.type}


def _given(terminator: ReturnOp, indices: Iterable[int]) -> set[SSAValue]:
    """Results by position."""
    return {terminator.operands[index] for index in indices}


def _store_outputs(
    forms: Forms, past: set[SSAValue], terminator: ReturnOp, short: ElementType
) -> None:
    """Rule 3 for the outputs: those that continue a cache input; who reads one reads it rounded."""
    for index, value in enumerate(terminator.operands):
        if value not in past or tensor_of(value).dtype != F32 or not _continues(value):
            continue
        stored = forms.stored(value, short)
        for reader in list(dict.fromkeys(use.operation for use in value.uses)):
            if isinstance(reader, CastOp) and reader.result.type == stored.type:
                replace(reader.result, stored)
        replace(value, Build.behind(stored).cast(stored, F32))
        set_operand(terminator, index, stored)


def _continues(value: SSAValue) -> bool:
    """Whether a value holds the elements of a concatenation, moved or not."""
    return any(isinstance(one.owner, ConcatOp) for one in carried(value))


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
        for func in functions(module) if short != F32 else ():
            demote(func, short)
