"""
Compute in f32 what a model computes in a shorter float type, from product to product.

A value is rounded where it is stored: in what the model itself casts, in operands and results of
products, in the cache, in outputs. Between two scalar operations nothing rounds.
"""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue

from dialects.lpu.elementwise import CastOp, MapOp, SelectOp
from dialects.lpu.facts import facts_of
from dialects.lpu.products import ReduceOp, ScanOp
from dialects.lpu.tensors import tensor_of
from dialects.reading import operands_of
from passes.lpu.precision.forms import F32, Forms, clone
from passes.rewriting.kernel import erase, replace

COMPUTING = frozenset({MapOp, SelectOp, ReduceOp, ScanOp})


def is_short(value: SSAValue) -> bool:
    dtype = tensor_of(value).dtype
    return dtype.is_float and dtype != F32


def is_read_wide(value: SSAValue) -> bool:
    """Whether something computes with a value, or widens it."""
    for use in value.uses:
        op = use.operation
        if type(op) in COMPUTING:
            return True
        if isinstance(op, CastOp) and op.result_tensor().dtype == F32:
            return True
        if facts_of(op).moves and is_read_wide(op.results[0]):
            return True
    return False


def widen(op: Operation, forms: Forms) -> None:
    """Make the long form of what an operation computes; operands come first."""
    if type(op) is CastOp:
        _widen_cast(op, forms)
    elif type(op) in COMPUTING:
        _widen_arithmetic(op, forms)
    elif facts_of(op).moves and forms.unrounded.issuperset(op.operands):
        result = op.results[0]
        forms.longer[result] = clone(op, [forms.longer[v] for v in op.operands])
        forms.unrounded.add(result)


def _widen_cast(op: CastOp, forms: Forms) -> None:
    if op.source in forms.unrounded and op.result_tensor().dtype == F32:
        long = forms.longer[op.source]
        if op.result in forms.tainted:
            forms.tainted.add(long)
        replace(op.result, long)


def _widen_arithmetic(op: Operation, forms: Forms) -> None:
    (result,) = op.results
    operands = [v for v in operands_of(op) if is_short(v)]
    if not operands:
        return
    inner = not forms.unrounded.isdisjoint(operands)
    if not (inner or (is_short(result) and is_read_wide(result))):
        return
    long = clone(op, [forms.widened(v) for v in op.operands])
    if is_short(result):
        forms.rounds(result, long, tensor_of(result).dtype)
        erase(op)
    else:
        replace(result, long)
