"""
Products of tensors, computed again in f64 of the operands that they had.

Where a pass rounds the factors, what comes of it may be off by far more than a product of these
factors may. So a product is held to its own local bound, too. What stands here is the definition of
the operations, and shares no code with their semantics. Sums may be `APART` of their bounds off;
that they are rounded once in the end is certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dialects.lpu.fused import AttentionOp
from dialects.lpu.products import MatmulOp
from lpuc.diagnosis.judging.departures import Departure, departure
from lpuc.diagnosis.judging.pairing import Pairs
from lpuc.diagnosis.judging.runs import APART, Runs, same_bits
from lpuc.diagnosis.judging.traces import Event, layer_names
from lpuc.levels.contracts import STEPS, local_bound, rounding, roundoff

Array = np.ndarray[Any, np.dtype[Any]]
F32 = 2.0**-24


def product_departs(after: Runs, pairs: Pairs) -> Departure | None:
    """The first product that is not that of its operands; what has stayed as it was is right."""
    for event in after.events:
        op = event.op
        if not isinstance(op, MatmulOp | AttentionOp) or not roundoff(event.array):
            continue
        pair = pairs.get(event.key)
        if pair is None or not same_bits(pair.array, event.array):
            found = _departed(op, event)
            if found is not None:
                return found
    return None


def _departed(op: MatmulOp | AttentionOp, event: Event) -> Departure | None:
    for got, operands in zip(event.parts, event.operands, strict=True):
        with np.errstate(all="ignore"):
            right, apart = exact(op, operands)
            once = rounding(got, roundoff(got))
            bound = APART * (local_bound(op, operands, got) - once) + once + apart
            bound = np.where(np.isfinite(right.astype(got.dtype)), bound, np.inf)
        off = departure(got, right, bound)
        if off is not None:
            return Departure(op.name, layer_names(op, event.turn), *off)
    return None


def exact(op: MatmulOp | AttentionOp, operands: Sequence[Array]) -> tuple[Array, Array]:
    """
    What a product gives, and how far apart two right results may be for what is rounded inside.

    Of many sums in f32 some are more than three bounds off: as far as f32 itself is, any may be.
    A probability is rounded to the type of the values: one that is near the middle between two
    numbers of that type may become either. Scores that are large, as those of masks are, have few
    digits behind the point; all else of f32 is in the local bound.
    """
    if isinstance(op, MatmulOp):
        right, short = (
            np.matmul(*(x.astype(t) for x in operands)) for t in (np.float64, np.float32)
        )
        return right, np.nan_to_num(np.abs(short - right), nan=np.inf, posinf=np.inf)
    scores, off = _scores(op, operands)
    top = np.max(scores, -1, keepdims=True, initial=-np.inf)
    if op.empty.data == "zero":
        top = np.maximum(top, float(np.finfo(np.float32).min))
    powers = np.exp(scores - top)
    total = np.sum(powers, -1, keepdims=True)
    if op.empty.data == "guarded":
        powers, total = np.where(np.isnan(total), 0, powers), np.where(np.isnan(total), 1, total)
    likely = powers / np.maximum(total, 1)
    off = _finite(scores) + _finite(top) + (0.0 if operands[2].dtype == np.float32 else off)
    low, high = (_stored(likely * (1 + sign * F32 * off), operands[2]) for sign in (-1, 1))
    panel = _for_queries(operands[2], operands[0])
    return np.matmul(_stored(likely, operands[2]), panel), np.matmul(high - low, np.abs(panel))


def _scores(op: AttentionOp, operands: Sequence[Array]) -> tuple[Array, Array]:
    """What the softmax is of, and by how much each may be off, in units of roundoff of f32."""
    query, key, *_ = operands
    count, cap = len(op.biases), op.softcap.value.data
    scale = np.float32(op.scale.value.data / cap if cap > 0 else op.scale.value.data)
    scaled = (query.astype(np.float32) * scale).astype(key.dtype).astype(np.float64)
    columns = np.swapaxes(_for_queries(key, query), 2, 3)
    scores = np.matmul(scaled, columns)
    off = np.sqrt(query.shape[-1] * np.matmul(scaled**2, columns**2)) * max(cap, 1.0)
    off = off + np.max(off, -1, keepdims=True, initial=0.0) + 2 * STEPS + np.sqrt(key.shape[2])
    scores = cap * np.tanh(scores) if cap > 0 else scores
    for bias in operands[3 : 3 + count]:
        scores = scores + bias.astype(np.float64)
    for keep in operands[3 + count :]:
        scores = np.where(keep, scores, -np.inf)
    return scores, off


def _for_queries(array: Array, query: Array) -> Array:
    """Keys or values with as many heads as queries have."""
    return np.repeat(array.astype(np.float64), query.shape[1] // array.shape[1], axis=1)


def _finite(array: Array) -> Array:
    return np.where(np.isfinite(array), np.abs(array), 0.0)


def _stored(values: Array, like: Array) -> Array:
    """Rounded to the type of an array, unless that is f32."""
    if like.dtype == np.float32:
        return values
    return values.astype(np.float32).astype(like.dtype).astype(np.float64)
