"""
The first token behind a prompt of 1024, beside the time of its products alone.

    python -m benchmarks.published.prompts [--only opt-1.3b]

As `lpuc profile` has it (`lpuc/profiling/first.py`): chunks as a host runs them, what they leave
one by one, and the token itself. What no schedule beats are all products with every tree at work in
every cycle: each token over those before it, the head once.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.published.points import BOUND, POINTS, Point, compiled, model_of
from lpuc.profiling.first import first_token
from lpuc.profiling.floor import prompt_of

SHOWN = ("opt-1.3b-x1", "opt-6.7b-x1", "opt-13b-x1", "llama-7b-x1")


def row(point: Point, folder: Path) -> str:
    """A row of the table."""
    program, model = compiled(point, BOUND, folder), model_of(point, BOUND, folder)
    found = first_token(program, lambda prompt: prompt_of(model, prompt, "f16"))
    assert found is not None
    assert found.limit is not None
    chunks = f"{found.chunks} of {found.width}, then {found.tokens} one by one"
    times = f"{found.seconds * 1e3:.0f} | {found.limit * 1e3:.0f}"
    return f"| {point.shape} | {chunks} | {times} | {found.seconds / found.limit:.3f} |"


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description="First tokens behind a prompt of 1024.")
    parser.add_argument("--only", choices=sorted(p.shape for p in POINTS if p.name in SHOWN))
    only = parser.parse_args().only
    print(
        "| model | chunks | first token, ms | products alone, ms | ratio |\n|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for point in POINTS:
            if point.name in SHOWN and only in (None, point.shape):
                print(row(point, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
