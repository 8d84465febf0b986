"""
Where more is slower: the table Anomalies of docs/timing.md.

    python -m benchmarks.anomalies [--count 200]

Each entry is made better, alone, on random programs (those of `test_monotone`) and on the samples
at contexts 1 and 100; counted are those that take longer, and the worst in cycles and in percent.
A stream that is issued earlier, as early as it may, is counted where it costs more than two words.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing import predict
from runtime.traps import Trap
from tests.unit.runtime.timing.random_programs import random_program
from tests.unit.runtime.timing.test_better import times
from tests.unit.runtime.timing.test_monotone import earlier

SAMPLES = Path(__file__).parents[1] / "samples"
MODELS = ("stories/model.onnx", "exports/gpt2.onnx", "exports/llama.onnx", "exports/opt.onnx")
CONTEXTS = (1, 100)
CHANGES: dict[str, Callable[[Target], Target]] = {
    "vxe_lanes x 4": times("vxe_lanes", 4),
    "mac_trees x 2": times("mac_trees", 2),
    "hbm_channels x 2, bandwidth": lambda t: replace(
        t, hbm_channels=2 * t.hbm_channels, hbm_bandwidth=2 * t.hbm_bandwidth,
        fifo_bytes=2 * t.fifo_bytes,
    ),
    "hbm_bandwidth x 2": times("hbm_bandwidth", 2.0),
    "hbm_nfaw / 2": times("hbm_nfaw", 0.5),
    "hbm_nrp / 2": times("hbm_nrp", 0.5),
    "hbm_lookahead x 2": times("hbm_lookahead", 2),
    "fifo_bytes x 2": times("fifo_bytes", 2),
    "queue_depth x 2": times("queue_depth", 2),
}  # fmt: skip

Runs = list[tuple[Program, dict[str, int]]]


def samples() -> Runs:
    """The committed models."""
    found: Runs = []
    for name in MODELS:
        program = compile_model(SAMPLES / name, CompileOptions()).program
        found += [(program, {program.interface.symbols[0].name: at}) for at in CONTEXTS]
    return found


def row(name: str, before: list[int], after: list[int]) -> str:
    """How many are slower, and by how much at most."""
    slower = [(b - a, b / a - 1) for a, b in zip(before, after, strict=True) if b > a]
    worst = f"{max(s[0] for s in slower)} cycles, {max(s[1] for s in slower):.1%}" if slower else ""
    return f"| {name} | {len(slower)} of {len(before)} | {worst} |"


def cycles(runs: Runs, change: Callable[[Target], Target]) -> list[int]:
    """Of each run, on the changed machine."""
    return [predict(replace(p, target=change(p.target)), symbols).cycles for p, symbols in runs]


def moved(runs: Runs, change: Callable[[Target], Target], passes: int) -> tuple[int, int, int]:
    """How many moves of a stream cost more than their words, of how many, and the most."""
    worse = count = most = 0
    for seed, (program, symbols) in enumerate(runs):
        base = replace(program, target=change(program.target))
        before = predict(base, symbols).cycles
        for number in range(passes):
            move = earlier(base, seed + 1000 * number)
            if move.words and (after := _cycles(move.program, symbols)) is not None:
                count += 1
                word = max(base.target.control_latency, base.target.fetch_cycles)
                late = after - before - 2 * word
                worse, most = worse + (late > 0), max(most, late)
    return worse, count, most


def _cycles(program: Program, symbols: dict[str, int]) -> int | None:
    """None where the program would block: a queue is full of panels that wait for products."""
    try:
        return predict(program, symbols).cycles
    except Trap:
        return None


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Where more is slower.")
    parser.add_argument("--count", type=int, default=200, help="random programs")
    count = parser.parse_args().count
    sets: dict[str, Runs] = {
        "random programs": [(random_program(seed), {}) for seed in range(count)],
        "samples": samples(),
    }
    for name, runs in sets.items():
        print(f"\n{name}\n\n| change | slower | worst |\n|---|---|---|")
        before = cycles(runs, lambda target: target)
        for change, better in CHANGES.items():
            print(row(change, before, cycles(runs, better)), flush=True)
    for name, depth in (("its queue has room", 1000), ("its queue as it is", 0)):
        change = times("queue_depth", depth or 1)
        worse, total, most = moved(sets["random programs"], change, 4)
        print(f"\nearlier streams, {name}: {worse} of {total} over their words, {most} at most")


if __name__ == "__main__":
    main()
