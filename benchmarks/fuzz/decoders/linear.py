"""Products with weights, in the spellings that exporters have."""

from __future__ import annotations

from benchmarks.fuzz.decoders.graph import MICROSOFT, Graph

WAYS = ("MatMul", "MatMul", "Gemm", "transposed", "FusedMatMul", "Gemm transposed")


def linear(g: Graph, x: str, rows: int, columns: int, bias: bool | None = None) -> str:
    """`x [..., rows] @ W [rows, columns]`, with or without a bias."""
    dtype = g.types[x]
    biased = g.choose("bias", (True, False)) if bias is None else bias
    way = g.spelled("product", WAYS)
    if way in ("Gemm", "Gemm transposed"):
        return _gemm(g, x, rows, columns, biased, transposed=way != "Gemm")
    if way == "transposed":
        y = g("MatMul", x, g("Transpose", g.weight(columns, rows, type=dtype), perm=[1, 0]))
    elif way == "FusedMatMul":
        weight = g.weight(columns, rows, type=dtype)
        y = g("FusedMatMul", x, weight, domain=MICROSOFT, transB=1, alpha=0.5)
    else:
        y = g("MatMul", x, g.weight(rows, columns, type=dtype))
    if not biased:
        return y
    operands = (y, g.weight(columns, type=dtype))
    return g("Add", *(operands if g.choose("bias order", (True, False)) else operands[::-1]))


def _gemm(g: Graph, x: str, rows: int, columns: int, biased: bool, transposed: bool) -> str:
    """On two dimensions, between reshapes: GPT-2's way."""
    dtype = g.types[x]
    flat = g("Reshape", x, g.ints(-1, rows))
    weight = g.weight(*((columns, rows) if transposed else (rows, columns)), type=dtype)
    operands = [flat, weight] + ([g.weight(columns, type=dtype)] if biased else [])
    y = g("Gemm", *operands, transB=int(transposed))
    lead = g("Slice", g("Shape", x), g.ints(0), g.ints(-1), g.ints(0))
    return g("Reshape", y, g("Concat", lead, g.ints(columns), axis=0))
