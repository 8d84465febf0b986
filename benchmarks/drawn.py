"""
Drawn tokens of several devices against those of one, on a trained model.

    python -m benchmarks.drawn --models DIR [--devices 2,8] [--seeds 100] [--first 0] [--tokens 256]

`DIR/stories260K/` holds exports of one model; seeds differ in the temperature and in how many
tokens may be drawn, too. Where tokens part, a line says from which one on; that is
no fault if the draw lies so near to a boundary that logits which differ in their last places choose
another token. Exit code 1 if any seed departs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from lpuc.cli.threads import limit_threads

limit_threads(1)

from benchmarks.golden import NAMES, START  # noqa: E402
from lpuc.compiler.driver import compile_model  # noqa: E402
from lpuc.compiler.options import CompileOptions  # noqa: E402
from runtime.generation.device import Request  # noqa: E402
from runtime.generation.sampling import Sampling  # noqa: E402
from runtime.generation.tokens import generate  # noqa: E402
from runtime.run.interpreter import Interpreter  # noqa: E402


def sampling(seed: int) -> Sampling:
    """Every third seed draws from all tokens, the others from the best, or from the likeliest."""
    temperature = (0.7, 0.9, 1.0, 1.3)[seed % 4]
    top_k, top_p = ((None, None), (20, None), (None, 0.9))[seed % 3]
    return Sampling(temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)


def machine(model: Path, count: int, devices: int, precision: str) -> Interpreter:
    """What runs a model that so many tokens fit into, on so many devices."""
    options = CompileOptions("lpu-4nm", precision, count + 1, devices=devices)
    return Interpreter(compile_model(model, options).in_memory)


def drawn(on: Interpreter, seed: int, count: int) -> list[int]:
    """The tokens behind the start token."""
    return list(generate(on, Request([START], count, sampling(seed))))


def departures(
    one: Mapping[int, Sequence[int]], ring: Interpreter, count: int
) -> list[tuple[int, int]]:
    """Which seeds give other tokens on a ring, and from which token on."""
    found: list[tuple[int, int]] = []
    for seed, expected in one.items():
        got = drawn(ring, seed, count)
        if got != expected:
            pairs = enumerate(zip(got, expected, strict=False))
            at = next((n for n, (a, b) in pairs if a != b), min(len(got), len(expected)))
            found.append((seed, at))
            print(f"seed {seed}: other tokens from {at} on", flush=True)
    return found


def main() -> int:
    """Compare each ring with one device."""
    parser = argparse.ArgumentParser(description="Compare drawn tokens of rings with one device's.")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR")
    parser.add_argument("--devices", default="2,4,8", metavar="N,M")
    parser.add_argument("--seeds", type=int, default=100, metavar="K", help="how many")
    parser.add_argument("--first", type=int, default=0, metavar="K", help="the least of them")
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--precision", choices=("f32", "f16"), default="f32")
    given = parser.parse_args()
    model = given.models / "stories260K" / f"{NAMES[0]}.onnx"
    alone = machine(model, given.tokens, 1, given.precision)
    seeds = range(given.first, given.first + given.seeds)
    one = {seed: drawn(alone, seed, given.tokens) for seed in seeds}
    different, wrong = len({tuple(tokens) for tokens in one.values()}), 0
    print(f"{given.seeds} seeds x {given.tokens} tokens, {different} different texts", flush=True)
    for devices in map(int, given.devices.split(",")):
        started = time.process_time()
        ring = machine(model, given.tokens, devices, given.precision)
        found = departures(one, ring, given.tokens)
        wrong += len(found)
        seconds = time.process_time() - started
        print(f"{devices} devices: {given.seeds - len(found)} equal, {seconds:.0f} s", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
