"""The `lpu_mem` dialect: buffers in HBM and LMU, strided views, tile loops."""

from xdsl.ir import Dialect

from dialects.lpu_mem.access import AccessAttr
from dialects.lpu_mem.ops import OPS
from dialects.lpu_mem.ports import PortAttr
from dialects.lpu_mem.types import BufferType

LpuMem = Dialect("lpu_mem", [*OPS], [BufferType, AccessAttr, PortAttr])
