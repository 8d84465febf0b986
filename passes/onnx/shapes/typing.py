"""The extents of what an ONNX operator computes, from the extents of what it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine, NotAffine
from dialects.errors import unsupported
from dialects.lpu.ops import broadcast, tensor_of
from dialects.lpu.types import Tensor
from dialects.onnx.attributes import Value
from dialects.onnx.ops import OnnxOp
from passes.analysis.content import Elements

Dims = tuple[Affine, ...]
Contents = Callable[[str], Elements | None]
"""The known elements of an operand, by its formal name."""
Rule = Callable[[OnnxOp, Contents], Sequence[Dims]]

RULES: dict[tuple[str, str], Rule] = {}
"""By domain ("" is the standard's) and operator type."""

MICROSOFT = "com.microsoft"

SAME_AS_FIRST = (
    *("Abs", "Cast", "CastLike", "Ceil", "Celu", "Clip", "Cos", "CumSum", "Dropout", "Elu", "Erf"),
    *("Exp", "FastGelu", "Floor", "Gelu", "HardSigmoid", "HardSwish", "IsNaN", "LeakyRelu", "Log"),
    *("LogSoftmax", "IsInf", "Shrink", "Tan", "BitwiseNot", "Mish", "Neg", "Not"),
    *("RMSNormalization", "Reciprocal", "Relu", "Round"),
    *("RotaryEmbedding", "ScatterElements", "ScatterND", "Selu", "Sigmoid", "Sign"),
    *("Sin", "Softmax", "Softplus", "Softsign", "Sqrt", "Swish"),
    *("Tanh", "ThresholdedRelu", "Trilu"),
)
BROADCAST = (
    *("Add", "And", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max"),
    *("BitwiseAnd", "BitwiseOr", "BitwiseXor"),
    *("Mean", "Min", "Mod", "Mul", "Or", "PRelu", "Pow", "Sub", "Sum", "Where", "Xor"),
)
REDUCTIONS = (
    *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean"),
    *("ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"),
)


def rule(*op_types: str, domains: Sequence[str] = ("",)) -> Callable[[Rule], Rule]:
    """Register a shape rule for operators in each of the domains."""

    def register(function: Rule) -> Rule:
        RULES.update({(domain, name): function for domain in domains for name in op_types})
        return function

    return register


def dims_of(op: OnnxOp, name: str) -> Dims:
    """The extents of an operand that must be there."""
    value = op.get(name)
    assert value is not None, f"{op.name}: no operand {name}"
    return tensor_of(value).shape


def attribute(op: OnnxOp, name: str) -> Value | None:
    """The attribute, or None where this version of the operator has none of that name."""
    return op.attr(name) if name in op.schema.attributes else None


def operand(op: OnnxOp, name: str) -> SSAValue | None:
    """The operand, or None where this version of the operator has none of that name."""
    return op.get(name) if name in op.schema.input_index else None


def _first(op: OnnxOp) -> Tensor:
    return tensor_of(op.operands[0])


def infer(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    """The extents of all results; CompileError where the operator or its extents are not known."""
    found = RULES.get((op.DOMAIN, op.OP_TYPE))
    if found is None:
        raise unsupported(op, f"operator {op.OP_TYPE} is not supported")
    try:
        return found(op, contents)
    except (NotAffine, ValueError) as error:
        raise unsupported(op, str(error)) from None


@rule(*SAME_AS_FIRST, domains=("", MICROSOFT))
def same_as_first(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    return [_first(op).shape] * len(op.results)


@rule(*BROADCAST)
def broadcast_all(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    return [broadcast(*(tensor_of(v).shape for v in op.operands))]


def _axis(value: object, rank: int) -> int:
    assert isinstance(value, int)
    if not -rank <= value < max(rank, 1):
        raise ValueError(f"axis {value} is outside of rank {rank}")
    return value % max(rank, 1)


def reduced_axes(op: OnnxOp, contents: Contents, rank: int) -> list[int] | None:
    """The axes of a reduction, an attribute or an operand; None means that nothing is reduced."""
    axes = attribute(op, "axes")
    if axes is None and operand(op, "axes") is not None:
        known = contents("axes")
        if known is None:
            raise ValueError("the axes of a reduction must be constant")
        axes = [a.const for a in known.flat()]
    if not axes:
        return None if attribute(op, "noop_with_empty_axes") else list(range(rank))
    assert isinstance(axes, list)
    return [_axis(a, rank) for a in axes]


@rule(*REDUCTIONS)
def reduction(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    shape = _first(op).shape
    axes = reduced_axes(op, contents, len(shape))
    if axes is None:
        return [shape]
    if op.attr("keepdims"):
        return [tuple(Affine(1) if i in axes else d for i, d in enumerate(shape))]
    return [tuple(d for i, d in enumerate(shape) if i not in axes)]


@rule("ArgMax", "ArgMin")
def arg_reduction(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    shape = _first(op).shape
    axis = _axis(op.attr("axis"), len(shape))
    kept = (Affine(1),) if op.attr("keepdims") else ()
    return [(*shape[:axis], *kept, *shape[axis + 1 :])]


@rule("MatMul", "FusedMatMul", domains=("", MICROSOFT))
def matmul(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    a, b = (tensor_of(v).shape for v in op.operands)
    if op.OP_TYPE == "FusedMatMul":
        a = _swapped(a) if op.attr("transA") else a
        b = _swapped(b) if op.attr("transB") else b
    left = a if len(a) > 1 else (Affine(1), *a)
    right = b if len(b) > 1 else (*b, Affine(1))
    if left[-1] != right[-2]:
        raise ValueError(f"the inner extents {left[-1]} and {right[-2]} differ")
    batch = broadcast(left[:-2], right[:-2])
    rows = left[-2:-1] if len(a) > 1 else ()
    columns = right[-1:] if len(b) > 1 else ()
    return [(*batch, *rows, *columns)]


def _swapped(dims: Dims) -> Dims:
    return (*dims[:-2], dims[-1], dims[-2])


@rule("Gemm")
def gemm(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    a, b = dims_of(op, "A"), dims_of(op, "B")
    return [(a[1] if op.attr("transA") else a[0], b[0] if op.attr("transB") else b[1])]


@rule("Concat")
def concat(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    shapes = [tensor_of(v).shape for v in op.operands]
    axis = _axis(op.attr("axis"), len(shapes[0]))
    total = sum((s[axis] for s in shapes), Affine())
    return [(*shapes[0][:axis], total, *shapes[0][axis + 1 :])]


@rule("Gather")
def gather(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    data, indices = dims_of(op, "data"), dims_of(op, "indices")
    axis = _axis(op.attr("axis"), len(data))
    return [(*data[:axis], *indices, *data[axis + 1 :])]


@rule("GatherND")
def gather_nd(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    data, indices = dims_of(op, "data"), dims_of(op, "indices")
    batch = attribute(op, "batch_dims") or 0
    assert isinstance(batch, int)
    return [(*indices[:-1], *data[batch + indices[-1].const :])]


@rule("GatherElements")
def gather_elements(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    return [dims_of(op, "indices")]


@rule("TopK")
def topk(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    shape = list(_first(op).shape)
    known = contents("K")
    if known is None:
        raise ValueError("K must be constant")
    shape[_axis(op.attr("axis"), len(shape))] = known.flat()[0]
    return [tuple(shape)] * 2


@rule("OneHot")
def one_hot(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    shape = list(dims_of(op, "indices"))
    depth = contents("depth")
    if depth is None:
        raise ValueError("the depth must be known")
    shape.insert(_axis(op.attr("axis"), len(shape) + 1), depth.flat()[0])
    return [tuple(shape)]


@rule("Tile")
def tile(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    repeats = contents("repeats")
    if repeats is None:
        raise ValueError("the repeats must be known")
    return [tuple(d * r for d, r in zip(_first(op).shape, repeats.flat(), strict=True))]


@rule("Pad")
def pad(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    shape = list(_first(op).shape)
    pads, axes = contents("pads"), contents("axes") if operand(op, "axes") else None
    if pads is None:
        raise ValueError("the pads must be known")
    where = [a.const for a in axes.flat()] if axes else list(range(len(shape)))
    amounts = pads.flat()
    for i, axis in enumerate(where):
        shape[axis] = shape[axis] + amounts[i] + amounts[i + len(where)]
    return [tuple(shape)]


@rule("LayerNormalization", "SimplifiedLayerNormalization", domains=("", MICROSOFT))
def normalization(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    """The normalised tensor, then the statistics: one number for all normalised axes."""
    shape = _first(op).shape
    start = attribute(op, "axis")
    axis = _axis(-1 if start is None else start, len(shape))
    statistics = (*shape[:axis], *(Affine(1),) * (len(shape) - axis))
    return [shape, statistics, statistics][: len(op.results)]


@rule("SkipLayerNormalization", "SkipSimplifiedLayerNormalization", domains=(MICROSOFT,))
def skip_normalization(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    """The normalised tensor, two statistics, and the sum that was normalised."""
    shape = _first(op).shape
    statistics = (*shape[:-1], Affine(1))
    return [shape, statistics, statistics, shape][: len(op.results)]


@rule("EmbedLayerNormalization", domains=(MICROSOFT,))
def embedding(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    ids = dims_of(op, "input_ids")
    shape = (*ids, dims_of(op, "word_embedding")[1])
    return [shape, ids[:1], shape][: len(op.results)]


@rule("MatMulNBits", domains=(MICROSOFT,))
def matmul_n_bits(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    columns = op.attr("N")
    assert isinstance(columns, int)
    return [(*dims_of(op, "A")[:-1], Affine(columns))]


@rule("GroupQueryAttention", domains=(MICROSOFT,))
def grouped_query_attention(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    """Hidden states, then both caches with the new tokens; query, key, value may be packed."""
    query, past = dims_of(op, "query"), dims_of(op, "past_key")
    heads, kv_heads = op.attr("num_heads"), op.attr("kv_num_heads")
    assert isinstance(heads, int)
    assert isinstance(kv_heads, int)
    packed = operand(op, "key") is None
    size = query[2] // (heads + 2 * kv_heads if packed else heads)
    present = (query[0], Affine(kv_heads), past[2] + query[1], size)
    return [(*query[:2], size * heads), present, present][: len(op.results)]


@rule("Attention")
def attention(op: OnnxOp, contents: Contents) -> Sequence[Dims]:
    """Opset 23: 4-D `[B, H, S, D]` or 3-D `[B, S, H * D]`, with an optional cache."""
    q, k, v = dims_of(op, "Q"), dims_of(op, "K"), dims_of(op, "V")
    heads, kv_heads = op.attr("q_num_heads"), op.attr("kv_num_heads")
    if len(q) == 4:
        result: Dims = (*q[:3], v[3])
        new, size_k, size_v, groups = k[2], k[3], v[3], k[1]
    else:
        assert isinstance(heads, int)
        assert isinstance(kv_heads, int)
        size_k, size_v, groups, new = k[2] // kv_heads, v[2] // kv_heads, Affine(kv_heads), k[1]
        result = (*q[:2], size_v * heads)
    past = dims_of(op, "past_key")[2] if op.get("past_key") is not None else Affine()
    total = past + new
    present = [(q[0], groups, total, size_k), (q[0], groups, total, size_v)]
    heads_q = q[1] if len(q) == 4 else Affine(heads if isinstance(heads, int) else 0)
    scores = (q[0], heads_q, q[-2], total)
    return [result, *present, scores][: len(op.results)]
