"""
The next token from logits: the greedy choice, and the six steps of a sampled one.

All values are f32 or i64 of shape `[1]`, `[V]` or `[n, 1]`; the specification is
`runtime.generation.sampling`.
"""

from __future__ import annotations

from typing import NamedTuple

from xdsl.ir import SSAValue

from dialects.lpu.tensors import tensor_of
from passes.lpu.sampling.uniform import uniform
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

F32, I64 = ElementType.F32, ElementType.I64

NO_TOKEN = -2
"""What is chosen among logits that hold NaN: no vocabulary has it, and -1 is an unused stop."""

GREATEST_BYTES, RANKED_BYTES = F32.itemsize, 2 * F32.itemsize + I64.itemsize
"""LMU for each logit: to find the greatest; to rank them, with a copy in order and the ids."""


class Settings(NamedTuple):
    """How to choose: `floats` are temperature, top-p and penalty, `ints` top-k and the seed."""

    floats: SSAValue
    ints: SSAValue

    def temperature(self, build: Build) -> SSAValue:
        return build.slice(self.floats, (0,), (1,))

    def top_p(self, build: Build) -> SSAValue:
        return build.slice(self.floats, (1,), (1,))

    def penalty(self, build: Build) -> SSAValue:
        return build.slice(self.floats, (2,), (1,))

    def top_k(self, build: Build) -> SSAValue:
        return build.slice(self.ints, (0,), (1,))

    def seed(self, build: Build) -> SSAValue:
        return build.slice(self.ints, (1,), (1,))


def greedy(build: Build, logits: SSAValue) -> tuple[SSAValue, SSAValue]:
    """The greatest logit, NaN if any is, and the first id that has it, both `[1]`."""
    greatest, token = build.topk(logits, 1, largest=True)
    return greatest, token


def checked(build: Build, token: SSAValue, greatest: SSAValue) -> SSAValue:
    """The token, or `NO_TOKEN` where the greatest logit is NaN."""
    nothing = build.fill(NO_TOKEN, (1,), I64)
    return build.select(build.map("isnan", greatest), nothing, token)


def sampled(build: Build, logits: SSAValue, tokens: SSAValue, settings: Settings) -> SSAValue:
    """The id that a draw chooses behind `tokens`, `[1]`."""
    (position,) = tensor_of(tokens).shape
    scores = build.map(
        "div", _penalised(build, logits, tokens, settings), settings.temperature(build)
    )
    values, ids = build.topk(scores, _count(logits), largest=True)
    kept = _kept(build, settings, _count(logits))
    sums = build.scan(_weights(build, values, kept), 0)
    last = _last_of_nucleus(build, sums, kept, settings)
    limit = build.map(
        "mul", uniform(build, settings.seed(build), position), build.gather(sums, last, 0)
    )
    place = build.map("min", _count_true(build, build.map("le", sums, limit)), last)
    return build.gather(ids, place, 0)


def _count(logits: SSAValue) -> int:
    (extent,) = tensor_of(logits).static_shape()
    return extent


def _penalised(build: Build, logits: SSAValue, tokens: SSAValue, settings: Settings) -> SSAValue:
    """Logits of ids among the tokens are less likely; an id that occurs twice is written twice."""
    count = _count(logits)
    column = build.reshape(logits, (count, 1))
    old = build.gather(column, tokens, 0)
    penalty = settings.penalty(build)
    positive = build.map("gt", old, build.scalar(0.0, F32))
    new = build.select(positive, build.map("div", old, penalty), build.map("mul", old, penalty))
    return build.reshape(build.scatter("set", column, tokens, new), (count,))


def _kept(build: Build, settings: Settings, count: int) -> SSAValue:
    """How many of the ranked ids stay, `[1]`: top-k, or all if it is 0."""
    top_k = settings.top_k(build)
    everything = build.fill(count, (1,), I64)
    is_off = build.map("eq", top_k, build.fill(0, (1,), I64))
    return build.select(is_off, everything, top_k)


def _weights(build: Build, values: SSAValue, kept: SSAValue) -> SSAValue:
    """`exp` of the distance to the greatest; 0 for ids that do not stay, which adds nothing."""
    count = _count(values)
    greatest = build.slice(values, (0,), (1,))
    weights = build.map("exp", build.map("sub", values, greatest))
    stays = build.map("lt", build.iota(0, (1,), (count,)), kept)
    return build.select(stays, weights, build.scalar(0.0, F32))


def _last_of_nucleus(build: Build, sums: SSAValue, kept: SSAValue, settings: Settings) -> SSAValue:
    """The index of the last id of the shortest prefix that holds top-p of all weights, `[1]`."""
    count = _count(sums)
    total = build.slice(sums, (count - 1,), (1,))
    below = build.map("lt", sums, build.map("mul", settings.top_p(build), total))
    last = build.map("sub", kept, build.fill(1, (1,), I64))
    return build.map("min", _count_true(build, below), last)


def _count_true(build: Build, flags: SSAValue) -> SSAValue:
    """How many are true, i64 `[1]`."""
    return build.reduce("sum", build.cast(flags, I64), (0,))


def is_stop(build: Build, token: SSAValue, stops: SSAValue) -> SSAValue:
    """i64 `[1]`: not 0 when the token is one of the stops."""
    return build.reduce("max", build.cast(build.map("eq", stops, token), I64), (0,))
