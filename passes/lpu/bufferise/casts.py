"""
Casts that cost no pass: a function of floats takes and gives any width.

`map` computes in f32 and rounds once, to the type of its result. So what is only lengthened for
functions is read by them as it is, and what is only computed to be shortened is written short. Both
give the same bits: lengthening is exact, and a result of f32 that is rounded again is rounded as
`cast` would.
"""

from __future__ import annotations

from dialects.lpu.elementwise import CastOp, MapOp
from dialects.lpu.fused import RotaryOp
from dialects.lpu.tensors import LpuOp, tensor_of
from dialects.lpu.types import Tensor
from dialects.lpu_mem import ops as mem
from dialects.lpu_mem.access import row_major
from passes.lpu.bufferise.bufferiser import Bufferiser
from passes.rewriting.places import Place
from runtime.numerics.elements import ElementType

F32 = ElementType.F32


def result_as_read(b: Bufferiser, op: LpuOp) -> Place:
    """A fresh buffer for a result of functions: in the type in which it is read, if in one."""
    cast = _shortening(op)
    if cast is None:
        return b.result(op)
    b.written[op.results[0]] = cast.result
    return b.result(cast)


def _shortening(op: LpuOp) -> CastOp | None:
    """The cast from f32 to a shorter float that alone reads a result."""
    readers = [use.operation for use in op.results[0].uses]
    if tensor_of(op.results[0]).dtype is not F32 or len(readers) != 1:
        return None
    (reader,) = readers
    if isinstance(reader, CastOp) and _is_short(reader.result_tensor()):
        return reader
    return None


def is_lengthened(b: Bufferiser, op: CastOp) -> bool:
    """Whether those that read a cast to f32 can read its operand: functions, of what stays.

    More than one of them only where it is dense: a cast also puts elements beside each other.
    """
    source, readers = b.place(op.source), [use.operation for use in op.result.uses]
    return (
        _is_short(source.tensor)
        and op.result_tensor().dtype is F32
        and isinstance(source.buffer.owner, mem.AllocOp)
        and all(isinstance(reader, MapOp | RotaryOp) for reader in readers)
        and (len(readers) == 1 or _is_dense(b, source))
    )


def _is_short(tensor: Tensor) -> bool:
    return tensor.dtype.is_float and tensor.dtype is not F32


def _is_dense(b: Bufferiser, place: Place) -> bool:
    return place.strides == row_major(place.tensor.bound(b.build.ranges))
