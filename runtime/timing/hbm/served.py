"""Borders of requests, which the library finds for several at once."""

import ctypes
from collections.abc import Sequence

import numpy as np

from runtime.native import requests
from runtime.native.channels import address, serving_library
from runtime.native.requests import ASCENDING, BY_INDEX, PIECES, Memory
from runtime.target import Target
from runtime.timing.hbm.borders import NOTHING, Border, Bordering, Borders, Request
from runtime.timing.hbm.law import rates
from runtime.timing.hbm.native import NativeChannels, law, places
from runtime.timing.hbm.parts import EDGE
from runtime.timing.hbm.requests import Pattern, is_ascending

REMEMBERED = 1 << 12
"""Patterns."""


def borders_of(target: Target) -> Bordering:
    """The borders of a run that begins."""
    library = serving_library()
    return Borders(target) if library is None else NativeBorders(target, library)


class NativeBorders:
    """One request after the other; pieces that lie between each other are left to numpy."""

    def __init__(self, target: Target, library: ctypes.CDLL) -> None:
        self.target = target
        count, self._plain = target.hbm_channels, Borders(target)
        each = [NativeChannels(target, count, library) for _ in range(3)]
        self.channels = self._plain.channels = each[0]
        merges = target.hbm_partial_writes == "read-modify-write"
        numbers = target.hbm_burst_bytes, rates(target).beat, target.hbm_lead, merges
        self._memory = Memory(
            library, law(target), places(target, count), [own.known for own in each], numbers,
            EDGE, self._plain.over,
        )  # fmt: skip
        self._patterns: dict[tuple[int, int], tuple[Pattern, bytes, int]] = {}

    def in_units(self, pattern: Pattern | None, low: int, took: int) -> Border:
        """The border of the next request, as `Borders` has it."""
        (found,) = self.several([(pattern, low, took)])
        return found

    def several(self, requests: Sequence[Request]) -> list[Border]:
        """The borders of the next requests."""
        if len(self._patterns) > REMEMBERED:
            self._patterns.clear()
        found = [NOTHING] * len(requests)
        asked, where = list[tuple[int, int]](), list[int]()
        for index, (pattern, low, took) in enumerate(requests):
            if pattern is None:
                continue
            at = self._at(pattern, took)
            if at:
                asked.append((low, at))
                where.append(index)
                continue
            self._ask(asked, where, found)
            found[index] = self._without(pattern, low, took)
        self._ask(asked, where, found)
        return found

    def _at(self, pattern: Pattern, took: int) -> int:
        """Where a pattern lies for the library, 0 of one that is not for it."""
        key = id(pattern), took
        known = self._patterns.get(key)
        if known is None:
            given = _packed(pattern, took)
            at = address(np.frombuffer(given, np.int64)) if given else 0
            known = self._patterns[key] = pattern, given, at
        return known[2]

    def _ask(self, asked: list[tuple[int, int]], where: list[int], found: list[Border]) -> None:
        if asked:
            borders = iter(self._memory.borders(asked))
            for index, total, banks in zip(where, borders, borders, strict=True):
                found[index] = Border(total, banks)
        asked.clear()
        where.clear()

    def _without(self, pattern: Pattern, low: int, took: int) -> Border:
        """The border of a request that the library is not asked for."""
        plain = self._plain
        plain.over, wrote = self._memory.state
        plain.wrote = None if wrote < 0 else wrote > 0
        border = plain.in_units(pattern, low, took)
        self._memory.state = plain.over, bool(plain.wrote)
        return border


def _packed(pattern: Pattern, took: int) -> bytes:
    """A pattern as the library takes it; nothing if its pieces are not in the order of bytes."""
    outer, span = pattern.outer, pattern.run
    if pattern.indexed:
        return requests.pack(BY_INDEX, (pattern.run, pattern.writes, 0, took, 0), ())
    pieces = 1
    for stride, extent in outer:
        if stride < span:
            return b""
        pieces, span = pieces * extent, span + stride * (extent - 1)
    kind = ASCENDING if is_ascending(pattern) else PIECES
    own = pattern.run, pattern.writes, pattern.reads_first, took, pieces
    return requests.pack(kind, own, outer)
