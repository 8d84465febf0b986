"""The floor of a graph: what each of its nodes must read, write and multiply."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import prod
from pathlib import Path

import onnx
from onnx import ModelProto, NodeProto, TensorProto

from lpuc.profiling.floor.bound import Floor, Least
from lpuc.profiling.floor.inference import shapes_of
from lpuc.profiling.floor.shapes import (
    Shape,
    Unshaped,
    attribute,
    bound,
    element_bits,
    is_cache,
    is_encoded,
    nodes_of,
)

PACKED = ("MatMulNBits", "MatMulBnb4")
"""Products whose attributes say what their weights have the extents of."""
PRODUCTS = ("MatMul", "Gemm", "FusedMatMul", *PACKED, "MatMulInteger", "Conv", "Einsum")
ATTENTION = ("GroupQueryAttention", "MultiHeadAttention", "Attention")
CHOSEN = ("Gather", "GatherND", "GatherElements", "Slice", "Split", "Where", "Shape", "Size")
"""Operators that read a part of a table, or nothing of it."""
LOOKUPS = ("Gather", "GatherND")
"""Those that take whole rows of a table where data says."""
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)


def floor_of(path: Path, context: int, precision: str, encoded: int = 1) -> Floor:
    """
    The least that a token behind `context` tokens costs.

    `encoded` is how long what an encoder has read is, of a model that takes such. Raises `Unshaped`
    where the file is no decoder with a cache, or its shapes are not known.
    """
    model = bound(onnx.ModelProto.FromString(path.read_bytes()), context, encoded)
    return Floor(context, precision, *_Counting(model, precision).parts())


def prompt_of(path: Path, prompt: int, precision: str, encoded: int = 1) -> int:
    """MACs of a prompt: those of each token over what is before it, logits of the last alone.

    MACs grow evenly with the context, so two contexts give all. Raises `Unshaped` as `floor_of`.
    """
    low, high = (floor_of(path, context, precision, encoded) for context in (1, 2))
    first, more = low.macs - low.last_macs, high.macs - low.macs
    before = prompt * (prompt - 1) // 2 - prompt
    return prompt * first + before * more + low.last_macs


class _Counting:
    """Goes over the nodes once; a weight is counted where it is read first."""

    def __init__(self, model: ModelProto, precision: str) -> None:
        self.model, self.precision = model, precision
        self.shapes = shapes_of(model)
        self.weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self.nodes = list(nodes_of(model.graph))
        self.made = {name: node for node in self.nodes for name in node.output if name}
        self.counted = set[str]()
        self.notes = list[str]()
        self._static: dict[str, frozenset[str] | None] = {}

    def parts(self) -> tuple[tuple[Least, ...], tuple[str, ...]]:
        """What each node costs, products first in what they share with others."""
        products = {id(node): self._product(node) for node in self.nodes if _multiplies(node)}
        ends = self._ends()
        products = {n: replace(part, is_last=n in ends) for n, part in products.items()}
        found = [products.get(id(node)) or self._rest(node) for node in self.nodes]
        cache = self._cache()
        parts = (*cache, *(part for part in found if part.bytes or part.macs))
        return parts, tuple(dict.fromkeys(self.notes))

    def _ends(self) -> set[int]:
        """Products whose results reach no other product and no output that is kept for later."""
        logits = next((value.name for value in self.model.graph.output), "")
        later = {v.name for v in self.model.graph.output if v.name != logits}
        found = set[int]()
        for node in reversed(self.nodes):
            reached = any(name in later for name in node.output)
            if _multiplies(node) and not reached:
                found.add(id(node))
            if reached or _multiplies(node):
                later.update(name for name in node.input if name)
        return found

    def _cache(self) -> Iterable[Least]:
        """The cache is read once, and a row of it is written; what an encoder has read is read."""
        used = {name for node in self.nodes for name in node.input}
        for value in self.model.graph.input:
            shape, kind = self.shapes.get(value.name), value.type.tensor_type.elem_type
            is_grown, name = is_cache(value.name), value.name
            is_read = is_encoded(name) and kind in FLOATS and name in used
            if shape is not None and (is_grown or is_read):
                size = prod(shape) + (self._row(shape) if is_grown else 0)
                yield Least(value.name, size * element_bits(kind, self.precision) // 8, 0)

    def _row(self, shape: Shape) -> int:
        """Elements of one token of a cache [batch, heads, tokens, head size]."""
        return shape[0] * shape[1] * shape[-1]

    def _product(self, node: NodeProto) -> Least:
        if node.op_type in ATTENTION:
            return Least(node.name, 0, self._attention(node))
        weights = [name for name in node.input if name and self.origins(name)]
        size = self._take(weights)
        return Least(node.name, size, self._macs(node, weights))

    def _macs(self, node: NodeProto, weights: list[str]) -> int:
        if node.op_type in PACKED:
            return (attribute(node, "K") or 0) * (attribute(node, "N") or 0)
        shapes = [self.shapes.get(name) for name in node.input[:2]]
        if weights and (widest := max((self._size(w) for w in weights), default=0)):
            rows = 1 if shapes[0] is None else prod(shapes[0][:-1])
            return widest * (rows if node.op_type != "Gemm" else 1)
        result = self.shapes.get(node.output[0])
        if shapes[0] is None or result is None:
            self.notes.append(f"{node.op_type} '{node.name}': shapes are not known")
            return 0
        return prod(result) * shapes[0][-1]

    def _attention(self, node: NodeProto) -> int:
        """Q.K and S.V of all heads over the cache and the token itself."""
        query, key = (self.shapes.get(name) for name in node.input[:2])
        cache = next((s for n in node.input if is_cache(n) and (s := self.shapes.get(n))), None)
        heads = attribute(node, "num_heads") or attribute(node, "q_num_heads")
        if query is not None and len(query) == 4:
            heads = query[1]
        if cache is not None and heads is not None:
            return 2 * heads * (cache[2] + 1) * cache[3]
        if key is not None and len(key) == 4 and heads is not None:
            return 2 * heads * key[2] * key[3]
        self.notes.append(f"{node.op_type} '{node.name}': its heads are not known")
        return 0

    def _rest(self, node: NodeProto) -> Least:
        """What a node that multiplies no matrix reads of weights."""
        if node.op_type in CHOSEN:
            return Least(node.name, self._chosen(node), 0)
        read = [n for n in node.input if n in self.weights and self.weights[n].data_type in FLOATS]
        dynamic = any(n and self.origins(n) is None for n in node.input)
        return Least(node.name, self._take(read) if dynamic else 0, 0)

    def _chosen(self, node: NodeProto) -> int:
        """The rows that a lookup takes from a table which nothing reads whole."""
        table = node.input[0]
        shape, kind = self.shapes.get(node.output[0]), self.weights.get(table)
        if node.op_type not in LOOKUPS or kind is None or shape is None or table in self.counted:
            return 0
        if kind.data_type not in FLOATS:
            return 0
        return prod(shape) * element_bits(kind.data_type, self.precision) // 8

    def _take(self, names: Iterable[str]) -> int:
        """Bytes of weights that were not counted before."""
        fresh = {w for n in names for w in self.origins(n) or ()} - self.counted
        self.counted |= fresh
        return sum(self._bytes(self.weights[name]) for name in fresh)

    def _bytes(self, tensor: TensorProto) -> int:
        return -(-prod(tensor.dims) * element_bits(tensor.data_type, self.precision) // 8)

    def _size(self, name: str) -> int:
        return max((prod(self.weights[w].dims) for w in self.origins(name) or ()), default=0)

    def origins(self, name: str) -> frozenset[str] | None:
        """The weights that a value is made of, None where it depends on an input."""
        if name in self._static:
            return self._static[name]
        found: frozenset[str] | None = None
        if name in self.weights:
            found = frozenset({name})
        elif (node := self.made.get(name)) is not None:
            parts = [self.origins(n) for n in node.input if n]
            known = [p for p in parts if p is not None]
            found = frozenset[str]().union(*known) if len(known) == len(parts) else None
        self._static[name] = found
        return found


def _multiplies(node: NodeProto) -> bool:
    return node.op_type in PRODUCTS or node.op_type in ATTENTION


__all__ = ["Unshaped", "floor_of", "prompt_of"]
