"""The `lpu_isa` dialect: instructions of the machine, on virtual or machine registers."""

from xdsl.ir import Dialect

from dialects.lpu_isa.code import CodeAttr, SlotAttr
from dialects.lpu_isa.ops import OPS

LpuIsa = Dialect("lpu_isa", OPS, [CodeAttr, SlotAttr])
