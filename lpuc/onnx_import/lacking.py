"""
Values of integer types that the machine lacks, 4 and 16 bits wide, from `QuantizeLinear` on.

They are held in the next longer type that there is, which has the same numbers. `QuantizeLinear` is
read as what it computes, with the bounds of the type that is meant; nothing but `DequantizeLinear`
and what moves elements may read the result.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from onnx import FunctionProto, NodeProto, parser
from xdsl.ir import SSAValue

from dialects.errors import CompileError
from dialects.lpu.types import TensorType
from dialects.onnx.elements import ONNX_NUMBERS, onnx_name
from lpuc.onnx_import.nodes import op_label
from lpuc.onnx_import.tensors import LACKING
from runtime.numerics.elements import ElementType

DOMAINS = ("", "ai.onnx", "com.microsoft")
SCALING = frozenset({"DequantizeLinear", "QuantizeLinear", "GatherBlockQuantized"})
"""What may read such values."""
MOVING = frozenset({
    *("Concat", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split"),
    *("Squeeze", "Transpose", "Unsqueeze"),
})  # fmt: skip
"""What moves such values, and gives values of the same type."""

QUANTISE = """<opset_import: ["": 23]>
{name} <axis: int = 1{more}> (x, scale{point}) => (y) {{
  long = Cast <to: int = 1> (x)
  step = Cast <to: int = 1> (scale)
  {spread}
  number = Round (steps)
  {shift}
  low = Constant <value_float: float = {low}> ()
  high = Constant <value_float: float = {high}> ()
  held = Clip (shifted, low, high)
  y = Cast <to: int = {carrier}> (held)
}}"""
STANDARD = ", block_size: int = 0, saturate: int = 1, output_dtype: int = 0, precision: int = 0"
"""Attributes that the standard's operator has beside the axis."""
ONE_SCALE = "each = Squeeze (step) steps = Div (long, each)"
BLOCKS = ", block_size: int = @block_size"
SCALES = """extents = Shape (x)
  ones = ConstantOfShape <value: tensor = int32[1] {1}> (extents)
  each = DequantizeLinear <axis: int = @axis, block_size: int = @block_size> (ones, step)
  steps = Div (long, each)"""
ONE_POINT = """zero = Cast <to: int = 1> (point) whole = Squeeze (zero)
  shifted = Add (number, whole)"""
POINTS = """zero = Cast <to: int = 1> (point)
  wholes = DequantizeLinear <axis: int = @axis, block_size: int = @block_size> (ones, zero)
  shifted = Add (number, wholes)"""
NO_POINT = "shifted = Identity (number)"


@dataclass
class Lacking:
    """The values so far that have such types, with ONNX's numbers of these."""

    kinds: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])

    is_open: bool = False
    """Whether what is read now may read them, too: what stands for an operator does."""

    def held(self, value: SSAValue, kind: int) -> None:
        if kind in LACKING:
            self.kinds[value] = kind

    def check(self, node: NodeProto, name: str, inputs: Sequence[SSAValue | None]) -> None:
        """Refuse what would compute with such values in a type that does not wrap as theirs."""
        kinds = self._of(inputs)
        known = node.domain in DOMAINS and node.op_type in SCALING | MOVING
        if kinds and not (known or self.is_open):
            what = f"{onnx_name(kinds[0])} is read by DequantizeLinear and by moves alone"
            raise CompileError(what, node=name, op=op_label(node))

    def moved(self, node: NodeProto, inputs: Sequence[SSAValue | None], made: SSAValue) -> None:
        """What is moved stays what it is."""
        kinds = self._of(inputs[:1])
        if kinds and node.op_type in MOVING and not self.is_open:
            self.held(made, kinds[0])

    def quantised(
        self, node: NodeProto, name: str, inputs: Sequence[SSAValue | None]
    ) -> tuple[FunctionProto, int] | None:
        """What a node computes that quantises to such a type, and that; None for another node."""
        if node.op_type != "QuantizeLinear" or node.domain not in DOMAINS or len(inputs) < 2:
            return None
        point = inputs[2] if len(inputs) > 2 else None
        named = next((a.i for a in node.attribute if a.name == "output_dtype"), 0)
        kind = named if point is None else self.kinds.get(point, ONNX_NUMBERS[_type(point)])
        if kind not in LACKING:
            return None
        if named not in (0, kind):
            what = f"output_dtype is {onnx_name(named)}, the zero point {onnx_name(kind)}"
            raise CompileError(what, node=name, op=op_label(node))
        return _function(node, kind, inputs[1], point), kind

    @contextmanager
    def opened(self) -> Generator[None]:
        """While what stands for an operator is read."""
        before, self.is_open = self.is_open, True
        try:
            yield
        finally:
            self.is_open = before

    def _of(self, values: Sequence[SSAValue | None]) -> list[int]:
        return [self.kinds[v] for v in values if v is not None and v in self.kinds]


def _function(
    node: NodeProto, kind: int, scale: SSAValue | None, point: SSAValue | None
) -> FunctionProto:
    held, standard, single = LACKING[kind], node.domain != "com.microsoft", _is_single(scale)
    shift = NO_POINT if point is None else ONE_POINT if single else POINTS
    spread = ONE_SCALE if single else SCALES
    text = QUANTISE.format(
        name=node.op_type, more=STANDARD if standard else "",
        point="" if point is None else ", point", spread=spread, shift=shift,
        low=float(held.least), high=float(held.greatest), carrier=ONNX_NUMBERS[held.dtype],
    )  # fmt: skip
    return parser.parse_function(text if standard else text.replace(BLOCKS, ""))


def _type(value: SSAValue) -> ElementType:
    assert isinstance(value.type, TensorType)
    return value.type.data.dtype


def _is_single(value: SSAValue | None) -> bool:
    """Whether a scale is one number; one whose extents are not known yet is taken for one."""
    if value is None:
        return True
    assert isinstance(value.type, TensorType)
    dims = value.type.data.dims
    return dims is None or all(d is not None and d.is_const and d.const == 1 for d in dims)
