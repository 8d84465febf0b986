"""
`lpuc verify --thorough` of every model: the table of docs/verification.md.

    python benchmarks/verification.py [--models DIR] [--precision f32,f16] [--devices 1,2]

`DIR/exports/<exporter>__<model>/model.onnx` are judged besides the models of `samples`. All of them
are right: exit code 1 if a difference is found.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lpuc.cli.threads import limit_threads

limit_threads(1)

from lpuc.compiler.options import CompileOptions  # noqa: E402
from lpuc.errors import printable  # noqa: E402
from lpuc.verification.judgement import TOKENS  # noqa: E402
from lpuc.verification.subject import SEVERAL  # noqa: E402
from lpuc.verification.verified import Verification, verified  # noqa: E402

ROOT = Path(__file__).parents[1]
MAX_CONTEXT = 64
COLUMNS = (*SEVERAL, TOKENS)


def models_of(folder: Path | None) -> Iterator[tuple[str, Path]]:
    """Names and files: the samples, and what lies beside the checkout."""
    for path in sorted((ROOT / "samples/exports").glob("*.onnx")):
        yield f"samples/{path.stem}", path
    stories = ROOT / "samples/stories/model.onnx"
    if stories.exists():
        yield "samples/stories", stories
    for path in sorted((folder / "exports").glob("*/model.onnx")) if folder else ():
        yield path.parent.name, path


def line_of(found: Verification) -> list[str]:
    """The largest difference at each level, that of the tokens, what is used up, and the counts."""
    cells: list[str] = []
    for level in SEVERAL:
        errors = [
            row[level] for name, row in found.table.items() if name != TOKENS and level in row
        ]
        cells.append(f"{max(errors):.1e}" if errors else "-")
    tokens = found.table.get(TOKENS)
    cells.append(f"{max(tokens.values()):.1e}" if tokens else "-")
    most = max((share for row in found.excess.values() for share in row.values()), default=0.0)
    return [*cells, f"{most:.2f}", str(len(found.cases)), str(len(found.left_out))]


def main() -> int:
    """Verify all models, print the table as Markdown, and say whether all are right."""
    parser = argparse.ArgumentParser(description="Verify all models thoroughly.")
    parser.add_argument("--models", type=Path, metavar="DIR")
    parser.add_argument("--precision", default="f32,f16", metavar="A,B")
    parser.add_argument("--devices", default="1", metavar="A,B")
    parser.add_argument("--only", default="", metavar="NAME", help="part of the name of a model")
    arguments = parser.parse_args()
    head = [
        "model",
        "precision",
        "devices",
        *COLUMNS,
        "of allowed",
        "inputs",
        "left out",
        "tolerance",
    ]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    wrong = 0
    for name, path in models_of(arguments.models):
        if arguments.only not in name:
            continue
        for precision in arguments.precision.split(","):
            for devices in map(int, arguments.devices.split(",")):
                options = CompileOptions(
                    precision=precision, max_context=MAX_CONTEXT, devices=devices
                )
                started = time.process_time()
                found = verified(path, options, None, 0, thorough=True)
                seconds = time.process_time() - started
                start = [name, precision, str(devices)]
                cells = [*start, *line_of(found), f"{found.tolerance:.0e}"]
                print(f"| {' | '.join(cells)} |", flush=True)
                print(f"{name}: {seconds:.1f} s", file=sys.stderr)
                for left in found.left_out:
                    print(f"  left out: {left.name}: {printable(left.reason)}", file=sys.stderr)
                for output, level in found.mismatches:
                    case, error = found.worst[output][level], found.table[output][level]
                    print(f"  WRONG {output} {level} {error:.1e} {case}", file=sys.stderr)
                for broken in found.breakdowns:
                    print(f"  BROKE {broken.level} {broken.case} {broken.failure}", file=sys.stderr)
                wrong += not found.is_right
    print(f"{wrong} models differ", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
