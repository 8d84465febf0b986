"""Build fused operations with inferred types, at the ONNX nodes of all that they replace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from xdsl.dialects.builtin import FloatAttr, LocationAttr, StringAttr, f32
from xdsl.ir import Operation, SSAValue

from dialects.errors import location_names, location_of
from dialects.lpu import fused
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import TensorType
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType


@dataclass(frozen=True)
class FusedBuild(Build):
    """Inserts before `anchor`, located at the ONNX nodes of `replaced`."""

    replaced: tuple[Operation, ...] = ()

    @staticmethod
    def over(anchor: Operation, replaced: Iterable[Operation]) -> FusedBuild:
        """Build what stands for `replaced`, in the order of their nodes, before `anchor`."""
        return FusedBuild(anchor, tuple(replaced))

    @cached_property
    def _fused(self) -> LocationAttr:
        return location_of(n for op in self.replaced for n in location_names(op.location))

    @property
    def location(self) -> LocationAttr:
        return self._fused

    def softmax(self, source: SSAValue, empty: str, dtype: ElementType) -> SSAValue:
        result = TensorType(tensor_of(source).with_dtype(dtype))
        properties = {"empty": StringAttr(empty)}
        op = fused.SoftmaxOp(operands=[source], result_types=[result], properties=properties)
        return self.insert(op).results[0]

    def norm(
        self,
        kind: str,
        source: SSAValue,
        parameters: Sequence[SSAValue],
        epsilon: float,
        dtype: ElementType,
    ) -> SSAValue:
        """`parameters` are weight and bias, of which the last may be missing."""
        weight, bias = [[v] for v in parameters] + [[]] * (2 - len(parameters))
        op = fused.NormOp(
            operands=[source, weight, bias],
            result_types=[TensorType(tensor_of(source).with_dtype(dtype))],
            properties={"kind": StringAttr(kind), "epsilon": FloatAttr(epsilon, f32)},
        )
        return self.insert(op).results[0]

    def rotary(
        self, source: SSAValue, cos: SSAValue, sin: SSAValue, dtype: ElementType
    ) -> SSAValue:
        result = TensorType(tensor_of(source).with_dtype(dtype))
        op = fused.RotaryOp(operands=[source, cos, sin], result_types=[result])
        return self.insert(op).results[0]

    def attention(
        self,
        operands: tuple[SSAValue, SSAValue, SSAValue],
        biases: Sequence[SSAValue],
        keeps: Sequence[SSAValue],
        dtype: ElementType,
        *,
        scale: float,
        softcap: float = 0.0,
        empty: str = "nan",
    ) -> SSAValue:
        query, key, value = operands
        dims = (*tensor_of(query).shape[:3], tensor_of(value).shape[3])
        op = fused.AttentionOp(
            operands=[query, key, value, list(biases), list(keeps)],
            result_types=[TensorType(tensor_of(query).with_dims(dims).with_dtype(dtype))],
            properties={
                "scale": FloatAttr(scale, f32),
                "softcap": FloatAttr(softcap, f32),
                "empty": StringAttr(empty),
            },
        )
        return self.insert(op).results[0]
