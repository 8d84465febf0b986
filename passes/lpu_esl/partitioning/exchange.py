"""An exchange: what each device holds, brought to all, and why."""

from __future__ import annotations

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import SSAValue

from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import Tensor, tensor_type
from dialects.lpu_esl.ops import AllGatherOp
from passes.rewriting.build import Build
from passes.rewriting.creation import make
from passes.rewriting.kernel import insert


def all_gather(b: Build, value: SSAValue, devices: int, reason: str) -> SSAValue:
    """What each device holds, along a new first axis."""
    tensor = tensor_of(value)
    kind = tensor_type(Tensor.of((devices, *tensor.shape), tensor.dtype))
    properties = {"reason": StringAttr(reason)}
    return insert(make(AllGatherOp, [value], [kind], properties, b.location), b.anchor).results[0]
