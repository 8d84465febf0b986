"""Matrix products."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine, Differ
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import MICROSOFT, Limit, only, operator
from passes.onnx.operators.terms import constant, wide
from passes.rewriting.build import Build


def product_dims(node: Node, a: Dims, b: Dims) -> Sequence[Dims]:
    """Numpy's rules: a vector on either side is a matrix whose extra axis vanishes."""
    node.require(bool(a and b), "operands of rank 0 have no product")
    left = a if len(a) > 1 else (Affine(1), *a)
    right = b if len(b) > 1 else (*b, Affine(1))
    if left[-1] != right[-2]:
        message = f"the inner extents {left[-1]} and {right[-2]} differ"
        raise node.refusal(message) from Differ(message, left[-1], right[-2])
    batch = node.broadcast(left[:-2], right[:-2])
    rows = left[-2:-1] if len(a) > 1 else ()
    columns = right[-1:] if len(b) > 1 else ()
    return [(*batch, *rows, *columns)]


def _matmul_dims(node: Node) -> Sequence[Dims]:
    return product_dims(node, node.dims("A"), node.dims("B"))


@operator("MatMul", shape=_matmul_dims)
def matmul(b: Build, node: Node) -> SSAValue:
    lhs, rhs = as_row(b, node.value("A")), as_column(b, node.value("B"))
    return b.reshape(b.matmul(lhs, rhs), node.result.shape)


def as_row(b: Build, x: SSAValue) -> SSAValue:
    """A vector on the left of a product is a row."""
    dims = tensor_of(x).shape
    return b.reshape(x, (1, *dims)) if len(dims) == 1 else x


def as_column(b: Build, x: SSAValue) -> SSAValue:
    """A vector on the right of a product is a column."""
    dims = tensor_of(x).shape
    return b.reshape(x, (*dims, 1)) if len(dims) == 1 else x


def transposed(b: Build, x: SSAValue) -> SSAValue:
    """The last two axes exchanged."""
    rank = tensor_of(x).rank
    return b.transpose(x, [*range(rank - 2), rank - 1, rank - 2])


def scaled(b: Build, x: SSAValue, factor: float) -> SSAValue:
    return x if factor == 1.0 else b.map("mul", x, constant(b, factor, x))


def _swapped(dims: Dims, swap: bool) -> Dims:
    return (*dims[:-2], dims[-1], dims[-2]) if swap else dims


def gemm_operands(b: Build, node: Node) -> tuple[SSAValue, SSAValue]:
    """A and B, transposed where the node says so."""
    lhs, rhs = node.value("A"), node.value("B")
    lhs = transposed(b, lhs) if node.flag("transA") else lhs
    return lhs, transposed(b, rhs) if node.flag("transB") else rhs


def gemm_dims(node: Node) -> Sequence[Dims]:
    a = _swapped(node.dims("A", 2), node.flag("transA"))
    found = product_dims(node, a, _swapped(node.dims("B", 2), node.flag("transB")))
    if node.get("C") is not None:
        node.expect_spread("C and the product", node.dims("C"), found[0])
    return found


@operator(
    "Gemm",
    shape=gemm_dims,
    limits=[
        Limit("alpha or beta other than 1 of integers"),
    ],
)
def gemm(b: Build, node: Node) -> SSAValue:
    return _gemm(b, node)


def _gemm(b: Build, node: Node) -> SSAValue:
    bias, alpha, beta = node.get("C"), node.number("alpha"), node.number("beta")
    if not node.result.dtype.is_float and (alpha, beta) != (1.0, 1.0):
        raise node.refusal("alpha and beta need float operands", "set alpha and beta to 1")
    product = scaled(b, b.matmul(*gemm_operands(b, node)), alpha)
    return product if bias is None else b.map("add", product, scaled(b, bias, beta))


def _leaky_relu(b: Build, x: SSAValue, node: Node) -> SSAValue:
    negative = b.map("lt", x, constant(b, 0.0, x))
    return b.select(negative, scaled(b, x, node.number("activation_alpha")), x)


ACTIVATIONS: dict[str, Callable[[Build, SSAValue, Node], SSAValue]] = {
    "Relu": lambda b, x, _node: b.map("relu", x),
    "Sigmoid": lambda b, x, _node: b.map("sigmoid", x),
    "Tanh": lambda b, x, _node: b.map("tanh", x),
    "LeakyRelu": _leaky_relu,
}
"""What ONNX Runtime's optimiser lets follow a Gemm, of what decoders have."""


@operator(
    "FusedGemm", domains=[MICROSOFT], shape=gemm_dims, limits=[only("activation", *ACTIVATIONS)]
)
def fused_gemm(b: Build, node: Node) -> SSAValue:
    x = wide(b, _gemm(b, node))
    return b.cast(ACTIVATIONS[str(node.attr("activation"))](b, x, node), node.result.dtype)


def _turned(node: Node, name: str, rank: int) -> list[int]:
    """
    The order of axes that makes an operand one of batches of matrices.

    With `transBatch` its rows come first: `[M, ..., K]` is meant as `[..., M, K]`.
    """
    order = list(range(rank))
    batched = f"transBatch{name}" in node.op.schema.attributes and node.flag(f"transBatch{name}")
    if batched:
        order = [*order[1:-1], 0, order[-1]]
    return [*order[:-2], order[-1], order[-2]] if node.flag(f"trans{name}") else order


def _fused_dims(node: Node) -> Sequence[Dims]:
    a, b = node.dims("A"), node.dims("B")
    node.require(min(len(a), len(b)) > 1, "operands of rank 1 are not supported", "use MatMul")
    turns = [
        f"transBatch{name}" for name in "AB" if f"transBatch{name}" in node.op.schema.attributes
    ]
    batched = any([node.flag(name) for name in turns])
    fits = not batched or len(a) == len(b) > 2
    node.require(fits, "transBatchA and transBatchB need batches of one rank on both sides")
    a, b = (
        tuple([dims[axis] for axis in _turned(node, name, len(dims))])
        for name, dims in (("A", a), ("B", b))
    )
    return product_dims(node, a, b)


@operator(
    "FusedMatMul",
    "TransposeMatMul",
    domains=[MICROSOFT],
    shape=_fused_dims,
    limits=[Limit("operands of rank 1")],
)
def fused_matmul(b: Build, node: Node) -> SSAValue:
    """`TransposeMatMul` is what old versions of ONNX Runtime call it."""
    lhs, rhs = (
        b.transpose(node.value(name), _turned(node, name, node.tensor(name).rank)) for name in "AB"
    )
    return scaled(b, b.matmul(lhs, rhs), node.number("alpha"))
