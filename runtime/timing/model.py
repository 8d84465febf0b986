"""Predicted time of one run of a program: its scalar control flow, without any data.

timing = predict(program, {"P": 255})
timing.seconds, timing.utilisation, timing.nodes["/layers.0/attn/MatMul"]
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from runtime.isa.encoding import word_addresses
from runtime.isa.spec import Unit
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing.engines import Engines
from runtime.timing.walk import Walk
from runtime.traps import Trap

FUEL = 20_000_000


@dataclass(frozen=True)
class Timing:
    """A prediction. `busy` are cycles in which an engine works, `counts` executed instructions.

    `nodes` are the seconds by which each ONNX node moves the end of the run: what runs in the
    shadow of earlier instructions counts nothing. They add up to `seconds`, with "" for code that
    belongs to no node.
    """

    symbols: Mapping[str, int]
    cycles: int
    seconds: float
    busy: Mapping[Unit, float]
    hbm_bytes: int
    utilisation: float
    counts: Mapping[str, int]
    nodes: Mapping[str, float]


def predict(program: Program, symbols: Mapping[str, int], fuel: int = FUEL) -> Timing:
    """The time of one run for given values of the symbols; Trap when the program cannot run."""
    made = _Run(program)
    made.run(symbols, fuel)
    return made.result(symbols)


class _Run:
    """A walk through the program in front of the engines."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.target = program.target
        self.engines = Engines(program.target)
        self.executed: Counter[int] = Counter()
        self.moved: dict[int, float] = {}
        self.end = 0.0

    def run(self, symbols: Mapping[str, int], fuel: int) -> None:
        """Execute until `halt`."""
        walk, execute = Walk(self.program, symbols), self.engines.execute
        for pc, inst, work, base in walk.run(fuel):
            try:
                end = execute(inst, work, base)
            except Trap as trap:
                raise walk.located(trap, pc) from None
            self._account(pc, end)

    def _account(self, pc: int, end: float) -> None:
        self.executed[pc] += 1
        if end > self.end:
            self.moved[pc] = self.moved.get(pc, 0.0) + end - self.end
            self.end = end

    def result(self, symbols: Mapping[str, int]) -> Timing:
        """The prediction after `run`."""
        engines, target = self.engines, self.target
        cycles = ceil(self.end)
        seconds = cycles / target.clock_hz
        return Timing(
            dict(symbols), cycles, seconds, engines.busy, engines.hbm_bytes,
            engines.hbm_bytes / (seconds * target.hbm_bandwidth), self._counts(),
            self._nodes(target),
        )  # fmt: skip

    def _counts(self) -> dict[str, int]:
        code = self.program.code
        counts: Counter[str] = Counter()
        for pc, inst in zip(word_addresses(code), code, strict=True):
            counts[inst.MNEMONIC] += self.executed[pc]
        return dict(counts)

    def _nodes(self, target: Target) -> dict[str, float]:
        rounding = ceil(self.end) - self.end
        seconds = {"": rounding / target.clock_hz}
        for pc, cycles in self.moved.items():
            names = self.program.provenance.nodes_at(pc) or ("",)
            for name in names:
                share = cycles / target.clock_hz / len(names)
                seconds[name] = seconds.get(name, 0.0) + share
        return seconds
