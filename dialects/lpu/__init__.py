"""The `lpu` dialect: tensor operations that the engines know, on extents affine in symbols."""

from xdsl.ir import Dialect

from dialects.lpu.attributes import AffineListAttr, IntsAttr, SymbolsAttr
from dialects.lpu.ops import OPS
from dialects.lpu.types import TensorType
from dialects.lpu.weights import WeightAttr

Lpu = Dialect("lpu", [*OPS], [TensorType, AffineListAttr, IntsAttr, SymbolsAttr, WeightAttr])
