"""Valid models of reductions, running sums, selections, softmax, norms and products."""

from __future__ import annotations

from benchmarks.fuzz.invalid.contents import (
    fixed,
    floats,
    ints,
    known,
    microsoft,
    node,
    number,
    packed,
    positive,
)
from benchmarks.fuzz.invalid.node import Node

REDUCTIONS = (
    *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean"),
    *("ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"),
)


def _reduced() -> list[Node]:
    return [
        *(node(name, positive(2, 3, 4), known(0, -1), keepdims=1) for name in REDUCTIONS),
        *(node(name, positive(2, 3), keepdims=0) for name in REDUCTIONS),
        *(node(name, positive(2, 3), axes=[1], keepdims=0, opset=11) for name in REDUCTIONS),
        node("ReduceSum", positive(2, 3), known(), noop_with_empty_axes=1),
    ]


def _selected() -> list[Node]:
    x = floats(3, 5)
    return [
        *(
            node(name, x, axis=1, keepdims=keep, select_last_index=last)
            for name in ("ArgMax", "ArgMin")
            for keep, last in ((0, 0), (1, 1))
        ),
        node("TopK", x, known(2), results=2, axis=-1, largest=1, sorted=1),
        node("TopK", x, known(2), results=2, axis=0, largest=0),
        node("TopK", x, results=2, k=2, axis=1, opset=9),
        node("CumSum", x, number(1), exclusive=0, reverse=0),
        node("CumSum", x, known(-2), exclusive=1),
    ]


def _normalised() -> list[Node]:
    x, scale = floats(2, 3, 8), floats(8)
    skip = floats(2, 3, 8)
    return [
        node("Softmax", x, axis=1),
        node("Softmax", x, axis=1, opset=11),
        node("LogSoftmax", x, axis=-1),
        node("LayerNormalization", x, scale, floats(8), results=3, axis=-1, epsilon=1e-5),
        node("LayerNormalization", x, floats(3, 8), axis=1),
        node("RMSNormalization", x, scale, axis=-1, epsilon=1e-5),
        node("SimplifiedLayerNormalization", x, scale, results=2, axis=-1, epsilon=1e-5),
        microsoft("SkipLayerNormalization", x, skip, scale, floats(8), floats(8), epsilon=1e-5),
        microsoft("SkipSimplifiedLayerNormalization", x, skip, scale, floats(8), epsilon=1e-5),
        microsoft(
            "EmbedLayerNormalization",
            *(ints([0, 5, 8], [1, 2, 3], dtype="i4"), ints([0, 1, 0], [1, 1, 0], dtype="i4")),
            *(floats(9, 8), floats(5, 8), floats(2, 8), scale, floats(8)),
            results=2,
            epsilon=1e-5,
        ),
    ]


def _products() -> list[Node]:
    activations = floats(2, 48)
    return [
        node("MatMul", floats(2, 3, 4), floats(4, 5)),
        node("MatMul", floats(2, 3, 4), floats(2, 4, 5)),
        node("MatMul", floats(4), floats(4, 5)),
        node("Gemm", floats(2, 4), floats(4, 5), floats(5), alpha=0.5, beta=2.0),
        node("Gemm", floats(4, 2), floats(5, 4), transA=1, transB=1),
        microsoft("FusedGemm", floats(2, 4), floats(5, 4), floats(5), transB=1, activation="Relu"),
        microsoft(
            "FusedGemm", floats(2, 4), floats(4, 5), activation="LeakyRelu", activation_alpha=0.5
        ),
        microsoft("FusedMatMul", floats(2, 4, 3), floats(2, 5, 4), alpha=0.5, transA=1, transB=1),
        microsoft("FusedMatMul", floats(4, 2, 3), floats(3, 2, 5), transBatchA=1, transBatchB=1),
        microsoft("TransposeMatMul", floats(2, 4, 3), floats(4, 5), alpha=0.5, transA=1),
        *(
            microsoft(
                "MatMulNBits",
                *(activations, fixed(packed(5, 3, 2 * bits)), fixed(floats(5 * 3))),
                *(fixed(packed(5 * -(-3 * bits // 8))), None, fixed(floats(5)))[:extra],
                K=48,
                N=5,
                bits=bits,
                block_size=16,
            )
            for bits, extra in ((4, 0), (4, 1), (8, 1), (4, 3))
        ),
        microsoft(
            "MatMulBnb4",
            *(activations, fixed(packed(5 * 24)), fixed(floats(15))),
            K=48,
            N=5,
            block_size=16,
            quant_type=1,
        ),
    ]


def cases() -> list[Node]:
    """One or more models for each operator of this family."""
    return [*_reduced(), *_selected(), *_normalised(), *_products()]
