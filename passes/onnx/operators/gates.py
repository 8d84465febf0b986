"""
Gates of ONNX Runtime beside linear attention and experts: of states, of norms, of sums.

All compute in f32 and round at the end; the product of GatedAdd rounds as two nodes would.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine
from passes.onnx.operators.activations import softplus
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.normalization import check_epsilon, rms_norm
from passes.onnx.operators.record import MICROSOFT, only, operator, without
from passes.onnx.operators.terms import wide
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

F32 = ElementType.F32
ACTIVATIONS = ("silu", "swish", "sigmoid")


def _gate_dims(node: Node) -> Sequence[Dims]:
    shape = node.dims("a", 3)
    for name in ("dt_bias", "decay_scale"):
        node.expect_dims(name, shape[2:])
    node.expect_dims("b", shape)
    asked = len(node.op.results) > 1 and node.get("b") is None
    node.require(not asked, "the result 'beta' needs the input 'b'")
    return [shape, shape]


@operator("LinearAttentionGate", domains=[MICROSOFT], shape=_gate_dims)
def linear_attention_gate(b: Build, node: Node) -> Sequence[SSAValue | None]:
    """How much a state decays, in logarithms, and how much of it is corrected."""
    dtype, update = node.result.dtype, node.get("b")
    shifted = b.map("add", wide(b, node.value("a")), node.value("dt_bias"))
    decay = b.map("mul", node.value("decay_scale"), softplus(b, shifted))
    beta = None if update is None else b.cast(b.map("sigmoid", wide(b, update)), dtype)
    return b.cast(decay, dtype), beta


def _norm_dims(node: Node) -> Sequence[Dims]:
    """The last axis holds one or more groups of channels that are normalised together."""
    check_epsilon(node)
    shape, (size,) = node.source.shape, node.dims("scale", 1)
    node.require(bool(shape), "the input has no axis")
    fits = shape[-1].is_const and size.is_const and size.const > 0
    whole = fits and shape[-1].const % size.const == 0
    node.require(whole, f"{shape[-1]} channels are no multiple of {size}")
    node.expect_dims("gate", shape)
    return [shape]


@operator(
    "GatedRMSNorm",
    domains=[MICROSOFT],
    shape=_norm_dims,
    limits=[only("activation", *ACTIVATIONS)],
)
def gated_rms_norm(b: Build, node: Node) -> SSAValue:
    shape, (size,) = node.source.shape, node.dims("scale")
    groups = (*shape[:-1], Affine(shape[-1].const // size.const), size)
    x = b.reshape(wide(b, node.value("X")), groups)
    y, _ = rms_norm(b, x, (-1,), node.number("epsilon"), F32)
    y = b.reshape(b.map("mul", y, wide(b, node.value("scale"))), shape)
    gate = wide(b, node.value("gate"))
    opened = b.map("sigmoid", gate)
    if node.attr("activation") != "sigmoid":
        opened = b.map("mul", gate, opened)
    return b.cast(b.map("mul", y, opened), node.result.dtype)


def _sum_dims(node: Node) -> Sequence[Dims]:
    shape = node.source.shape
    node.require(bool(shape), "the input has no axis")
    node.expect_dims("Y", shape)
    node.expect_dims("gate", (*shape[:-1], Affine(1)))
    return [shape]


@operator("GatedAdd", domains=[MICROSOFT], shape=_sum_dims, limits=without("gate_weight"))
def gated_add(b: Build, node: Node) -> SSAValue:
    """`X + Y gate`, one gate for each row."""
    opened = b.map("mul", node.value("Y"), node.value("gate"))
    return b.map("add", node.value("X"), opened)
