"""
Greedy decoding of a trained model against the tokens of an independent implementation.

    python benchmarks/golden.py --models DIR [--target lpu-4nm]

`DIR/stories260K/` holds exports of one model and `golden_greedy_tokens.json`, the ids that follow
the start token. The program computes in f32, step by step; the host passes the cache. Exit code 1
if a token differs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lpuc.threads import limit_threads

limit_threads(1)

from lpuc.compile import compile_model  # noqa: E402
from lpuc.generate import Decoder, generate  # noqa: E402
from lpuc.options import CompileOptions  # noqa: E402
from lpuc.sampling import Sampling  # noqa: E402
from runtime.interpreter import Interpreter  # noqa: E402

NAMES = ("dynamo20", "dynamo23", "optimum")
START = 1


def greedy(model: Path, count: int, target: str) -> tuple[list[int], float, float]:
    """The tokens after the start token, seconds to compile and seconds to generate."""
    started = time.perf_counter()
    compiled = compile_model(model, CompileOptions(target, "f32", max_context=count + 1))
    machine = Interpreter(compiled.in_memory)
    ready = time.perf_counter()
    decoder = Decoder.of(compiled.program.interface)
    tokens = list(generate(decoder, machine, [START], count, Sampling()))
    return tokens, ready - started, time.perf_counter() - ready


def main() -> int:
    """Check each export and print what came out."""
    parser = argparse.ArgumentParser(description="Compare greedy tokens with golden ones.")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR")
    parser.add_argument("--target", default="lpu-4nm")
    parser.add_argument("--only", choices=NAMES)
    arguments = parser.parse_args()
    folder = arguments.models / "stories260K"
    golden = json.loads((folder / "golden_greedy_tokens.json").read_text("utf-8"))["tokens"]
    wrong = 0
    print(f"{'model':10} {'equal':>9} {'compile s':>10} {'tokens/s':>9}")
    for name in [arguments.only] if arguments.only else NAMES:
        tokens, compiling, running = greedy(folder / f"{name}.onnx", len(golden), arguments.target)
        equal = sum(a == b for a, b in zip(tokens, golden, strict=True))
        wrong += equal != len(golden)
        rate = len(tokens) / running
        share = f"{equal}/{len(golden)}"
        print(f"{name:10} {share:>9} {compiling:10.1f} {rate:9.1f}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
