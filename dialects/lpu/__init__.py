"""The `lpu` dialect: tensor operations that the engines know, on extents affine in symbols."""

from xdsl.ir import Dialect

from dialects.lpu import control, elementwise, fused, movement, products
from dialects.lpu.attributes import AffineAttr, AffineListAttr, IntsAttr, SymbolsAttr
from dialects.lpu.control import StateType
from dialects.lpu.interface import InterfaceAttr
from dialects.lpu.nodes import NodesAttr
from dialects.lpu.ports import StatePortsAttr
from dialects.lpu.types import TensorType
from dialects.lpu.weights import WeightAttr

Lpu = Dialect(
    "lpu",
    [*elementwise.OPS, *movement.OPS, *products.OPS, *fused.OPS, *control.OPS],
    [
        TensorType,
        StateType,
        AffineAttr,
        AffineListAttr,
        IntsAttr,
        SymbolsAttr,
        StatePortsAttr,
        InterfaceAttr,
        WeightAttr,
        NodesAttr,
    ],
)
