"""
The published figures on a machine that is fitted to as few of them as were named beforehand.

    python -m benchmarks.published.fitted [--code frozen] [--json FILE]

Two entries are assumed that only OPT 1.3B can tell, and one that only the speed-up can:

    vxe_lanes         for each policy of refresh, so many that OPT 1.3B takes what is published
    link_hop_latency  then so many cycles that the 20B shape is 5.43 times as fast on 8 devices

OPT 30B and OPT 66B on two devices are judged with them: nothing was fitted to those. A policy of
refresh is no number, so both are shown; a row says which of the judged come within 5 %. No target
has these entries: `lpu-4nm` keeps what it assumes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.published.fits import SHOWN, programs_of, residual, residuals, row
from benchmarks.published.frozen import CODES
from runtime.program.program import Program
from runtime.target import CHOICES, Target

LANES = range(8, 65)
HOPS = range(20, 2001)
HEAD = (
    "| refresh | vxe_lanes | link_hop_latency | 1.3B | 30B | 66B x2 | 20B, 5.43x | within 5 % |\n"
    "|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Fitted:
    """A machine with its fitted entries, and the residuals on it."""

    refresh: str
    lanes: int
    hop: int
    residuals: dict[str, float]

    def text(self) -> str:
        """A row of a table."""
        return row(self.refresh, str(self.lanes), str(self.hop), residuals=self.residuals)


def nearest(values: range, residual_of: Callable[[int], float]) -> int:
    """The value with the least residual, either way, of residuals that fall along the range."""
    low, high = 0, len(values) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if residual_of(values[middle]) > 0 else (low, middle)
    return min(values[low], values[high], key=lambda value: abs(residual_of(value)))


def fitted(programs: dict[str, Program], usual: Target) -> Iterator[Fitted]:
    """The fit of each policy of refresh."""
    for refresh in CHOICES["hbm_refresh"]:
        machine = replace(usual, hbm_refresh=refresh)

        def lanes_off(lanes: int, machine: Target = machine) -> float:
            return residual(programs, SHOWN[0], replace(machine, vxe_lanes=lanes))

        lanes = nearest(LANES, lanes_off)
        machine = replace(machine, vxe_lanes=lanes)

        def hops_off(hop: int, machine: Target = machine) -> float:
            return residual(programs, "20B", replace(machine, link_hop_latency=hop))

        hop = nearest(HOPS, hops_off)
        machine = replace(machine, link_hop_latency=hop)
        yield Fitted(refresh, lanes, hop, residuals(programs, machine))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Published figures on a fitted machine.")
    parser.add_argument("--code", choices=CODES, default=CODES[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    programs = programs_of(arguments.code)
    print(HEAD)
    found = list[Fitted]()
    for one in fitted(programs, Target.load("lpu-4nm")):
        found.append(one)
        print(one.text(), flush=True)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
