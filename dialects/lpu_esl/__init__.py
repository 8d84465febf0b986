"""The `lpu_esl` dialect: tensors that lie on several devices in parts, and what gathers them."""

from xdsl.ir import Dialect

from dialects.lpu_esl.ops import OPS
from dialects.lpu_esl.types import ShardType

LpuEsl = Dialect("lpu_esl", [*OPS], [ShardType])
