"""Operations of several devices: what each holds, brought to all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import StringAttr
from xdsl.irdl import operand_def, opt_prop_def, prop_def, result_def

from dialects.definition import op_definition
from dialects.lpu.facts import NONE, Facts, Form, Zeros
from dialects.lpu.tensors import Array, CollectiveOp, tensor_of
from dialects.lpu.types import Tensor, TensorType
from dialects.lpu_esl.types import ShardType


@op_definition
class AllGatherOp(CollectiveOp):
    """
    Entry `j` of the result, on every device, is what device `j` holds of the source.

    ```mlir
    %y = lpu_esl.all_gather %x because "lpu.norm needs all of it"
        : !lpu_esl.shard<[1, 6], f32, 2 x [[], [6/2]]> -> !lpu.tensor<[2, 1, 3], f32>
    ```
    Padding is brought along; operations of `lpu` put the parts in their places. The reason may be
    left out.
    """

    name = "lpu_esl.all_gather"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.KEPT, lines=False, weight=None, trunk=None)
    reason = opt_prop_def(StringAttr)
    source = operand_def(TensorType)
    result = result_def(TensorType)
    assembly_format = "$source (`because` $reason^)? attr-dict `:` type($source) `->` type($result)"

    @property
    def devices(self) -> int:
        """On how many devices it runs."""
        return self.result_tensor().shape[0].const

    def verify_tensors(self) -> None:
        source, result = tensor_of(self.source), self.result_tensor()
        counted = result.rank > 0 and result.shape[0].is_const and result.shape[0].const > 1
        self.require(type(self.result.type) is TensorType, "what is gathered is no shard")
        self.require(counted, "the first axis of a gathered tensor counts the devices")
        expected = Tensor.of((self.devices, *source.shape), source.dtype)
        self.require(result == expected, f"an all-gather gives {expected}")

    def together(self, operands: Sequence[Sequence[Array]]) -> tuple[Array, ...]:
        return (np.stack([source for (source,) in operands]),)


@op_definition
class UnshardOp(CollectiveOp):
    """
    What is in parts as a whole, on every device, and the reason that it is needed.

    ```mlir
    %y = lpu_esl.unshard %x because "lpu.norm needs all of it"
        : !lpu_esl.shard<[1, 6], f32, 2 x [[], [6/2]]> -> !lpu.tensor<[1, 6], f32>
    ```
    `lpu-esl-insert-sync` makes an exchange of it.
    """

    name = "lpu_esl.unshard"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.KEPT, lines=False, weight=None, trunk=None)
    reason = prop_def(StringAttr)
    source = operand_def(ShardType)
    result = result_def(TensorType)
    assembly_format = "$source `because` $reason attr-dict `:` type($source) `->` type($result)"

    def verify_tensors(self) -> None:
        kind = self.source.type
        assert isinstance(kind, ShardType)
        fits = type(self.result.type) is TensorType and self.result_tensor() == kind.whole
        self.require(fits, f"the whole of it is {TensorType(kind.whole)}")

    def together(self, operands: Sequence[Sequence[Array]]) -> tuple[Array, ...]:
        kind = self.source.type
        assert isinstance(kind, ShardType)
        return (kind.sharding.assemble([source for (source,) in operands]),)


OPS = [AllGatherOp, UnshardOp]
