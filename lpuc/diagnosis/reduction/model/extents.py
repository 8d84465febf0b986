"""
Smaller extents: a number that is an extent of inputs or constants is another one everywhere.

Rows and columns beyond it are cut off, and integers of constants that are equal to it follow, as
shapes do. Whether what comes of it means anything is for the checker and ONNX Runtime to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from lpuc.diagnosis.reduction.model.case import Case
from lpuc.diagnosis.reduction.model.graph import Array, Parts, tensor

SMALL = (1, 2, 3, 4)
"""What an extent is made at best."""


def extents(case: Case) -> list[int]:
    """The extents above one of inputs and constants, the most frequent last."""
    counts = Counter[int]()
    for array in _arrays(case).values():
        counts.update(extent for extent in array.shape if extent > 1)
    return sorted(counts, key=lambda extent: (counts[extent], extent))


def smaller(case: Case, start: int, _stop: int) -> Iterator[Case]:
    """One extent is a smaller number everywhere."""
    extent = extents(case)[start]
    for less in (*(n for n in SMALL if n < extent), *((extent // 2,) if extent > 9 else ())):
        yield _with_extent(case, extent, less)


def _arrays(case: Case) -> Mapping[str, Array]:
    parts = Parts.of(case.model)
    constants = {name: numpy_helper.to_array(t) for name, t in parts.constants.items()}
    return {**constants, **{n: a for call in case.calls for n, a in call.items()}}


def _with_extent(case: Case, extent: int, less: int) -> Case:
    parts = Parts.of(case.model)
    model = replace(
        parts,
        inputs=[_declared(value, extent, less) for value in parts.inputs],
        outputs=[_undeclared(value) for value in parts.outputs],
        constants={n: _constant(t, extent, less) for n, t in parts.constants.items()},
        nodes=[_node(node, extent, less) for node in parts.nodes],
    )
    calls = [{n: _cut(a, extent, less) for n, a in call.items()} for call in case.calls]
    return replace(replace(case, calls=calls).made(model), values=None)


def _cut(array: Array, extent: int, less: int) -> Array:
    """The first `less` of every axis that has this extent; indices stay within it."""
    kept = array[tuple(slice(less if n == extent else n) for n in array.shape)]
    return np.ascontiguousarray(kept).reshape(kept.shape)


def _constant(constant: TensorProto, extent: int, less: int) -> TensorProto:
    array = numpy_helper.to_array(constant)
    changed = _cut(array, extent, less)
    if changed.dtype.kind == "i" and changed.ndim <= 1:
        changed = np.where(changed == extent, changed.dtype.type(less), changed)
    if changed.shape == array.shape and changed.tobytes() == array.tobytes():
        return constant
    return tensor(constant.name, changed)


def _node(node: NodeProto, extent: int, less: int) -> NodeProto:
    """A node with attributes that follow: extents, and constants."""
    changed = NodeProto()
    changed.CopyFrom(node)
    for attribute in changed.attribute:
        if attribute.i == extent:
            attribute.i = less
        attribute.ints[:] = [less if n == extent else n for n in attribute.ints]
        if attribute.HasField("t"):
            attribute.t.CopyFrom(_constant(attribute.t, extent, less))
    return changed


def _declared(value: ValueInfoProto, extent: int, less: int) -> ValueInfoProto:
    changed = ValueInfoProto()
    changed.CopyFrom(value)
    for dim in changed.type.tensor_type.shape.dim:
        if dim.dim_value == extent:
            dim.dim_value = less
    return changed


def _undeclared(value: ValueInfoProto) -> ValueInfoProto:
    """An output whose extents follow from what makes it."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return value
    dims = [d.dim_param or None for d in kind.shape.dim]
    return helper.make_tensor_value_info(value.name, kind.elem_type, dims)
