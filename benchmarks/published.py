"""
Published figures of LPUs beside what the model predicts for the same shapes.

    python -m benchmarks.published [--context 1040] [--bound 2048] [--only opt-1.3b] [--json FILE]

Each row is a model compiled without weights, in f16, and one token timed in the middle of the
published run, 32 tokens in and 2016 out. `floor` is the least that the ONNX shapes allow. Nothing
is fitted: the machines are `lpu-4nm` and `lpu-u280` as their files say. What is published, and how
sure that is:

| model | devices | ms | where |
|---|---|---|---|
| OPT 1.3B | 1 | 1.25 | LPU (arXiv 2408.07326), abstract |
| OPT 30B | 1 | 20.28 | the same, from its 90.2 % of the bandwidth |
| OPT 66B | 2 | 22.2 | notes on its body; the abstract says 20.9 |
| a 20B shape | 8 over 1 | 5.43x | notes on its body |
| GPT-2 345M | 1 | 5.40 | DFX (MICRO 2022): shown, not judged, nobody says where its head was |
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import SHAPES
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from lpuc.profiling.floor import floor_of
from runtime.target import Target
from runtime.timing import predict

PUBLISHED_AT = 1040
"""The context in the middle of the published runs; there is nothing to compare with at others."""
ROOMY = 1 << 40
"""Bytes of HBM that no shape exceeds: what does not fit is timed all the same, and said so."""


@dataclass(frozen=True)
class Point:
    """A shape on so many devices, and the published milliseconds of a token, if there are any."""

    shape: str
    devices: int
    published: float | None = None
    target: str = "lpu-4nm"


POINTS = (
    Point("opt-1.3b", 1, 1.25), Point("opt-6.7b", 1), Point("opt-13b", 1),
    Point("opt-30b", 1, 20.28), Point("opt-66b", 2, 22.2), Point("gpt3-20b", 1),
    Point("gpt3-20b", 8), Point("llama-7b", 1), Point("llama-70b", 1),
    Point("gpt2-345m", 1, 5.40, "lpu-u280"), Point("gpt2-1.5b", 1, None, "lpu-u280"),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A point with what the model says; `fits` is whether the machine has so much memory."""

    shape: str
    devices: int
    target: str
    context: int
    published: float | None
    predicted: float
    floor: float
    fits: bool
    compile_seconds: float
    predict_seconds: float

    def text(self) -> str:
        """A row of a table; the residual is ours over the published figure."""
        published = "" if self.published is None else f"{self.published:.2f}"
        residual = "" if self.published is None else f"{self.predicted / self.published - 1:+.1%}"
        name = f"{self.shape} x{self.devices}{'' if self.fits else ' (does not fit)'}"
        return (
            f"| {name} | {published} | {self.predicted:.3f} | {residual} | {self.floor:.3f} | "
            f"{self.predicted / self.floor:.3f} | {self.compile_seconds:.1f} | "
            f"{self.predict_seconds:.1f} |"
        )


HEADER = (
    "| model | published ms | ours | residual | floor | over floor | compile s | predict s |\n"
    "|---|---|---|---|---|---|---|---|"
)


def measured(point: Point, context: int, bound: int, folder: Path) -> Row:
    """Compile one shape without weights and time one token."""
    path = folder / f"{point.shape}.onnx"
    if not path.exists():
        shape = SHAPES[point.shape]
        if shape.positions:
            shape = replace(shape, positions=max(shape.positions, bound))
        write_decoder(path, shape, has_data=False)
    target = Target.load(point.target)
    options = CompileOptions(
        target=_roomy(target, folder), max_context=bound, weights="none", devices=point.devices
    )
    began = time.process_time()
    program = replace(compile_model(path, options).program, target=target)
    compiled = time.process_time()
    timing = predict(program, {program.interface.symbols[0].name: context})
    ended = time.process_time()
    used = program.interface.arena_base + program.interface.arena_size
    floor = floor_of(path, context, "f16").seconds(target, point.devices)
    published = point.published if context == PUBLISHED_AT else None
    return Row(
        point.shape, point.devices, point.target, context, published, timing.seconds * 1e3,
        floor * 1e3, used <= target.hbm_bytes, compiled - began, ended - compiled,
    )  # fmt: skip


def _roomy(target: Target, folder: Path) -> str:
    """A file of the same machine with room for any shape."""
    path = folder / f"{target.name}.toml"
    lines = []
    for key, entry in target.to_json().items():
        value = ROOMY if key == "hbm_bytes" else entry["value"]
        cells = {**entry, "value": value}
        lines.append(
            f"{key} = {{ {', '.join(f'{k} = {json.dumps(v)}' for k, v in cells.items())} }}"
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description="Published figures beside predicted ones.")
    parser.add_argument("--context", type=int, default=PUBLISHED_AT)
    parser.add_argument("--bound", type=int, default=2048)
    parser.add_argument("--only", choices=sorted({p.shape for p in POINTS}))
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    rows = list[Row]()
    print(HEADER)
    with tempfile.TemporaryDirectory() as folder:
        for point in POINTS:
            if arguments.only in (None, point.shape):
                rows.append(measured(point, arguments.context, arguments.bound, Path(folder)))
                print(rows[-1].text(), flush=True)
    one, eight = (
        next((r.predicted for r in rows if (r.shape, r.devices) == ("gpt3-20b", n)), None)
        for n in (1, 8)
    )
    if one is not None and eight is not None:
        print(f"\n20B on 8 devices: {one / eight:.2f}x of one; published 5.43x")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
