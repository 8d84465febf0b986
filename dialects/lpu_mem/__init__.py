"""The `lpu_mem` dialect: buffers in HBM and LMU, strided views, tile loops."""

from xdsl.ir import Dialect

from dialects.lpu_mem import control, ops
from dialects.lpu_mem.access import AccessAttr
from dialects.lpu_mem.ports import PortAttr
from dialects.lpu_mem.types import BufferType

LpuMem = Dialect("lpu_mem", [*ops.OPS, *control.OPS], [BufferType, AccessAttr, PortAttr])
