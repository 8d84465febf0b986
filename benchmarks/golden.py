"""
Greedy decoding of a trained model against the tokens of an independent implementation.

    python benchmarks/golden.py --models DIR [--target lpu-4nm] [--precision f16] [--devices 4]

`DIR/stories260K/` holds exports of one model and `golden_greedy_tokens.json`, the ids that follow
the start token. The tokens come from the entry `generate`, with the cache on the device. In f32 and
f16 all of them have to agree, in bf16 the first 64. Exit code 1 if they do not.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lpuc.cli.threads import limit_threads

limit_threads(1)

from lpuc.compiler.driver import compile_model  # noqa: E402
from lpuc.compiler.options import CompileOptions  # noqa: E402
from runtime.generation.device import Request  # noqa: E402
from runtime.generation.tokens import generate  # noqa: E402
from runtime.run.interpreter import Interpreter  # noqa: E402

NAMES = ("dynamo20", "dynamo23", "optimum")
START = 1
WANTED = {"f32": 256, "f16": 256, "bf16": 64}
"""How many tokens from the start on have to agree."""


def greedy(model: Path, count: int, options: CompileOptions) -> tuple[list[int], float, float]:
    """The tokens after the start token, seconds to compile and seconds to generate."""
    started = time.perf_counter()
    compiled = compile_model(model, options)
    machine = Interpreter(compiled.in_memory)
    ready = time.perf_counter()
    tokens = list(generate(machine, Request([START], count)))
    return tokens, ready - started, time.perf_counter() - ready


def main() -> int:
    """Check each export and print what came out."""
    parser = argparse.ArgumentParser(description="Compare greedy tokens with golden ones.")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR")
    parser.add_argument("--target", default="lpu-4nm")
    parser.add_argument("--precision", choices=WANTED, default="f32")
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--only", choices=NAMES)
    arguments = parser.parse_args()
    folder = arguments.models / "stories260K"
    golden = json.loads((folder / "golden_greedy_tokens.json").read_text("utf-8"))["tokens"]
    options = CompileOptions(
        arguments.target, arguments.precision, len(golden) + 1, devices=arguments.devices
    )
    wrong = 0
    print(f"{'model':10} {'equal':>9} {'compile s':>10} {'tokens/s':>9}")
    for name in [arguments.only] if arguments.only else NAMES:
        tokens, compiling, running = greedy(folder / f"{name}.onnx", len(golden), options)
        pairs = enumerate(zip(tokens, golden, strict=True))
        equal = next((index for index, (a, b) in pairs if a != b), len(golden))
        wrong += equal < min(WANTED[arguments.precision], len(golden))
        rate = len(tokens) / running
        share = f"{equal}/{len(golden)}"
        print(f"{name:10} {share:>9} {compiling:10.1f} {rate:9.1f}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
