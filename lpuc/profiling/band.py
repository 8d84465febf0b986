"""How far a prediction may be off for what nobody has published: all guesses good, or all bad.

Only entries of a target whose grade is `assumption` move, each by the factors of `RANGES` or to the
words of `WORDS`; so a user's own machine, of which all is known, has no band. Sizes stay: another
one makes another program, not another time of this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from runtime.program.program import Program
from runtime.target import Target
from runtime.timing import predict


@dataclass(frozen=True)
class Range:
    """By what an assumed entry may be better or worse, and why so far."""

    better: float
    worse: float
    why: str


RANGES = {
    "vxe_lanes": Range(2, 0.5, "published times of OPT 1.3B fit 16 to 64 lanes"),
    "issue_latency": Range(0.25, 8, "1 to 32 cycles; fits of DFX go beyond"),
    "matrix_latency": Range(1 / 3, 1.25, "24 to 90 cycles: a pipelined tree of fixed-point adders"),
    "hbm_latency": Range(0.6, 1.5, "60 to 150 ns from the controller to the array"),
    "fifo_bytes": Range(2, 1, "more costs area; less than bandwidth times latency starves"),
    "link_hop_latency": Range(0.4, 4, "100 ns to 1 us for transceivers and router"),
    "link_bandwidth": Range(4, 1, "12.5 to 50 GB/s"),
    "function_latency": Range(0.5, 2, "a table and one product, or several steps of an iteration"),
    "vxe_ports": Range(1.5, 0.5, "one to three operands a cycle"),
    "f32_tile_cycles": Range(0.5, 1, "two halves of an operand, or four products of halves"),
    "reuse_bytes": Range(8, 1 / 64, "one tile, or the deepest group of columns"),
    "branch_latency": Range(0.5, 4, "1 to 8 stages from the fetch of a word to its effect"),
    "fetch_cycles": Range(1, 2, "a word in each cycle, or in every second"),
    "lmu_banks": Range(1, 1 / 4096, "no two granules meet, or 16 banks of the presets' LMU"),
    "hbm_trfc_ns": Range(1, 350 / 260, "4 or 8 Gb a channel"),
    "hbm_lookahead": Range(2, 0.5, "16 to 64 requests in front of a channel"),
    "hbm_lead": Range(1, 1 / 65536, "no channel waits for others, or 512 bytes of each are held"),
    **dict.fromkeys(
        ("hbm_nrcd", "hbm_nrcdwr", "hbm_nrp", "hbm_nrc", "hbm_nrtp", "hbm_nwtp", "hbm_nfaw",
         "hbm_nrtw", "hbm_nwtr"),
        Range(0.8, 1.25, "speed grades of one generation lie a quarter apart"),
    ),
    "accumulators": Range(4, 1, "one is the least"),
    "control_latency": Range(1, 2, "a word in each cycle, or in every second"),
    "queue_depth": Range(2, 0.25, "4 to 32 instructions in front of an engine"),
    "link_depth": Range(2, 0.25, "2 to 16 messages"),
    "lmu_granule": Range(0.5, 4, "an entry for 32 to 256 bytes"),
}  # fmt: skip
"""By entry; a factor multiplies the entry."""

WORDS: dict[str, tuple[str, str]] = {
    "hbm_refresh": ("per-bank", "all-bank"),
    "hbm_skew": ("fold", "none"),
    "hbm_partial_writes": ("strobe", "read-modify-write"),
}
"""The better and the worse one of entries that are words."""

SIZES = {"hbm_bytes", "hbm_stacks", "lmu_bytes", "registers"}
"""Entries that say what fits, and take no time."""


@dataclass(frozen=True)
class Band:
    """Seconds of the run where all that is assumed turns out well, and where it turns out badly."""

    optimistic: float
    pessimistic: float
    assumed: tuple[str, ...]
    """The entries that moved."""


def band(program: Program, symbols: Mapping[str, int], entry: str) -> Band:
    """The band of a run."""
    moved = assumed(program.target)
    best, worst = (
        predict(replace(program, target=target), symbols, entry=entry).seconds
        for target in extremes(program.target)
    )
    return Band(best, worst, moved)


def assumed(target: Target) -> tuple[str, ...]:
    """The entries that are assumptions and take time."""
    known = target.entries
    return tuple(k for k in (*RANGES, *WORDS) if k in known and known[k].grade == "assumption")


def extremes(target: Target) -> tuple[Target, Target]:
    """The machine with all assumptions at their best, and at their worst."""
    keys = assumed(target)
    good: dict[str, Any] = {k: _scaled(target, k, RANGES[k].better) for k in keys if k in RANGES}
    bad: dict[str, Any] = {k: _scaled(target, k, RANGES[k].worse) for k in keys if k in RANGES}
    words = [k for k in keys if k in WORDS]
    good |= {k: WORDS[k][0] for k in words}
    bad |= {k: WORDS[k][1] for k in words}
    return replace(target, **good), replace(target, **bad)


def _scaled(target: Target, key: str, factor: float) -> int | float:
    value = getattr(target, key) * factor
    return max(1, round(value)) if isinstance(getattr(target, key), int) else value
