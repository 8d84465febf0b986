"""
What each class of request takes of the channels of HBM, skewed and not: a table of docs/hbm.md.

    python -m benchmarks.layouts [--target lpu-4nm]

Clocks of the memory, for which the busiest channel is busy; `bus` is the least that the bursts take
if all channels have as many.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from runtime.isa.accesses import Access, Four
from runtime.target import Target
from runtime.timing.hbm import Transfer, beats, busy_clocks

BOUND = 2048


def _access(extents: Four, strides: Four, writes: bool = False, indexed: bool = False) -> Access:
    jumps = (False, False, indexed, False)
    return Access(True, not writes, writes, 2, 0, extents, strides, jumps)


def requests() -> dict[str, Access]:
    """A request of each class, by what it is."""
    found = {"1 MiB that ascends": _access((1, 1, 1, 1 << 19), (0, 0, 0, 2))}
    for context in (33, 128, 1040):
        found[f"K of a head of 64, {context} positions"] = _access(
            (1, 1, context, 64), (0, 0, 128, 2)
        )
        found[f"V of a head of 64, {context} positions"] = _access(
            (1, 1, 64, context), (0, 0, 2 * BOUND, 2)
        )
    for name, heads, size in (("1.3B", 32, 64), ("30B", 56, 128), ("66B", 72, 128)):
        found[f"V of all heads of {name}, 1040 positions"] = _access(
            (heads, 1, size, 1040), (size * BOUND * 2, 0, BOUND * 2, 2)
        )
        found[f"append to V of {name}, an element in each row"] = _access(
            (1, 1, heads * size, 1), (0, 0, 2 * BOUND, 0), writes=True
        )
        found[f"append to K of {name}"] = _access(
            (1, 1, heads, size), (0, 0, size * BOUND * 2, 2), writes=True
        )
    found["64 rows of 4 KiB by an index"] = _access((1, 1, 64, 2048), (0, 0, 4096, 2), indexed=True)
    return found


def clocks(access: Access, target: Target) -> int:
    """Clocks of the busiest channel, refresh aside."""
    return busy_clocks(Transfer.of(access, target), target)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Clocks of HBM by class of request.")
    parser.add_argument("--target", default="lpu-4nm")
    skewed = replace(Target.load(parser.parse_args().target), hbm_skew="fold")
    plain = replace(skewed, hbm_skew="none")
    print("| request | bus | skewed | not skewed |\n|---|---|---|---|")
    for name, access in requests().items():
        bus = beats(Transfer.of(access, skewed), skewed) * skewed.hbm_nbl
        print(f"| {name} | {bus} | {clocks(access, skewed)} | {clocks(access, plain)} |")


if __name__ == "__main__":
    main()
