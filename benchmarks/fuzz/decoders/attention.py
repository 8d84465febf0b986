"""Attention spelled out: grouped heads, scales, masks and softmax as exporters write them."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.fuzz.decoders.extents import Extents
from benchmarks.fuzz.decoders.graph import F16, F32, MICROSOFT, Graph
from benchmarks.fuzz.decoders.masks import Masks
from benchmarks.fuzz.decoders.sizes import Sizes

SCALES = ("scores / sqrt", "scores * factor", "query", "keys", "both roots", "from the shape")
REPEATS = ("expand", "expand", "five axes", "gather", "concat")


class Spelled:
    """The spellings of one decoder; a call attends in one layer."""

    def __init__(self, g: Graph, sizes: Sizes, extents: Extents, masks: Masks, half: bool) -> None:
        self.g, self.sizes, self.extents, self.masks, self.half = g, sizes, extents, masks, half
        self.softcap, self.alibi = g.chance(0.1), g.chance(0.1)
        self.einsum = g.chance(0.03)
        self.merged = g.chance(0.12)
        self.shown: list[str] = []
        """Scores that may become outputs."""
        g.label(*(["softcap"] if self.softcap else []))
        g.label(*(["f16 casts", "f16: attention"] if half else []))

    @property
    def group(self) -> int:
        """How many query heads share a key head."""
        return self.sizes.heads // self.sizes.kv_heads

    def __call__(self, q: str, k: str, v: str, window: int, masked: bool) -> str:
        """[batch, heads, new, size] from that and keys and values [batch, kv heads, all, size]."""
        g, dtype = self.g, self.g.types[q]
        if self.half:
            q, k, v = (g.cast(x, F16) for x in (q, k, v))
        five = self.group > 1 and masked and self._repeat() == "five axes"
        if five:
            q = self.extents.reshape(
                q, "batch", self.sizes.kv_heads, self.group, "new", self.sizes.size
            )
            k, v = (g("Unsqueeze", x, g.ints(2)) for x in (k, v))
        else:
            k, v = self._repeated(k, masked), self._repeated(v, masked)
        scores = self._scores(q, k, five, masked)
        if masked:
            scores = self._masked(scores, window, five)
        y = self._weighted(self._softmax(scores, masked), v, masked)
        if five:
            y = self.extents.reshape(y, "batch", self.sizes.heads, "new", self.sizes.size)
        return g.cast(y, dtype)

    def _repeat(self) -> str:
        if self.sizes.kv_heads == 1 and self.g.choose("multi-query", (True, False)):
            self.g.label("grouped: broadcast")
            return "broadcast"
        return self.g.spelled("grouped", REPEATS)

    def _repeated(self, x: str, masked: bool) -> str:
        """A key head for each query head."""
        g, heads = self.g, self.sizes.kv_heads
        if self.group == 1:
            return x
        way = self._repeat() if masked else "gather"
        if way == "broadcast":
            return x
        if way == "gather":
            return g("Gather", x, g.ints(*np.repeat(np.arange(heads), self.group)), axis=1)
        if way == "concat":
            wide = g("Unsqueeze", x, g.ints(2))
            wide = g("Concat", *[wide] * self.group, axis=2)
        else:
            wide = g("Unsqueeze", x, g.ints(2))
            dims = ("batch", heads, self.group, "total", self.sizes.size)
            wide = self.extents.expand(wide, *dims)
        return self.extents.reshape(wide, "batch", self.sizes.heads, "total", self.sizes.size)

    def _scores(self, q: str, k: str, five: bool, masked: bool) -> str:
        g, factor = self.g, 1 / math.sqrt(self.sizes.size)
        way = g.spelled("scale", SCALES)
        if way == "query":
            q = g("Mul", q, g.number(factor, q))
        elif way == "keys":
            k = g("Div", k, g.number(1 / factor, k))
        elif way == "both roots":
            q, k = (g("Mul", x, g.number(math.sqrt(factor), x)) for x in (q, k))
        elif way == "from the shape":
            size = g("Gather", g("Shape", q), g.index(-1), axis=0)
            q = g("Div", q, g("Sqrt", g("Cast", size, to=g.types[q])))
        scores = self._product(q, k, five, masked)
        if way == "scores / sqrt":
            scores = g("Div", scores, g.number(1 / factor, scores))
        elif way == "scores * factor":
            scores = g("Mul", scores, g.number(factor, scores))
        if self.softcap:
            cap = g.number(3.0, scores)
            scores = g("Mul", g("Tanh", g("Div", scores, cap)), cap)
        return scores

    def _product(self, q: str, k: str, five: bool, masked: bool) -> str:
        g = self.g
        if self.einsum and not five:
            g.label("einsum")
            return g("Einsum", q, k, equation="bhqd,bhkd->bhqk")
        if self.merged and self.group == 1 and masked:
            g.label("scores of three axes")
            size = self.sizes.size
            q = g("Reshape", q, self.extents.vector((-1, "new", size)))
            k = g("Reshape", k, self.extents.vector((-1, "total", size)))
            product = g("MatMul", q, g("Transpose", k, perm=[0, 2, 1]))
            return self.extents.reshape(product, "batch", self.sizes.heads, "new", "total")
        if g.choose("transposed keys", (True, True, True, False)):
            perm = [0, 1, 2, 4, 3] if five else [0, 1, 3, 2]
            return g("MatMul", q, g("Transpose", k, perm=perm))
        return g("FusedMatMul", q, k, domain=MICROSOFT, transB=1)

    def _masked(self, scores: str, window: int, five: bool) -> str:
        g, dtype = self.g, self.g.types[scores]
        if self.alibi and not five:
            scores = g("Add", scores, g.cast(self._slopes(), dtype))
        self.shown.append(scores)
        whole = self.masks.kind != "float 4-D" and g.choose("masking", ("where", "bias")) == "where"
        if whole:
            condition = self._unsqueezed(self.masks.condition(window), five)
            lowest = g.number(self.masks.lowest, scores)
            g.label(*(["masking: where"] if condition else []))
            return g("Where", condition, scores, lowest) if condition else scores
        bias = self._unsqueezed(self.masks.bias(window), five)
        g.label(*(["masking: bias"] if bias else []))
        return g("Add", scores, g.cast(bias, dtype)) if bias else scores

    def _unsqueezed(self, mask: str, five: bool) -> str:
        return self.g("Unsqueeze", mask, self.g.ints(2)) if five and mask else mask

    def _slopes(self) -> str:
        """The further a key, the less it counts: [1, heads, 1, total]."""
        g, heads = self.g, self.sizes.heads
        g.label("alibi")
        slopes = (2.0 ** -np.arange(1, heads + 1)).reshape(1, heads, 1, 1)
        places = g("Cast", self.extents.range(0, "total"), to=F32)
        line = g("Unsqueeze", places, g.ints(0, 1, 2))
        return g("Mul", g.constant(slopes.astype(np.float32)), line)

    def _softmax(self, scores: str, masked: bool) -> str:
        g, dtype = self.g, self.g.types[scores]
        way = g.spelled("softmax", ("plain", "plain", "guarded", "spelled", "in f32"))
        if way == "spelled":
            top = g("ReduceMax", scores, g.ints(-1), keepdims=1)
            powers = g("Exp", g("Sub", scores, top))
            return g("Div", powers, g("ReduceSum", powers, g.ints(-1), keepdims=1))
        wide = g("Cast", scores, to=F32) if way == "in f32" else scores
        weights = g("Softmax", wide, axis=-1 if masked or g.chance(0.5) else 3)
        if way == "guarded":
            zero = g.number(0.0, weights)
            return g("Where", g("IsNaN", weights), zero, weights)
        return g("Cast", weights, to=dtype) if way == "in f32" else weights

    def _weighted(self, weights: str, v: str, masked: bool) -> str:
        g, sizes = self.g, self.sizes
        if not (self.merged and self.group == 1 and masked and not self.einsum):
            return g("MatMul", weights, v)
        rows = g("Reshape", weights, self.extents.vector((-1, "new", "total")))
        values = g("Reshape", v, self.extents.vector((-1, "total", sizes.size)))
        return self.extents.reshape(
            g("MatMul", rows, values), "batch", sizes.heads, "new", sizes.size
        )
