"""
Pictures of docs/published.md: ratios to the floor, devices, and where the time goes.

    python -m benchmarks.published --json A.json                      # and at other contexts
    python -m benchmarks.published.plots A.json B.json ... --folder docs/pictures

Needs matplotlib (`pip install lpuc[plots]`). SVG, the same bytes for the same figures.
"""

from __future__ import annotations

import argparse
import importlib
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.published.frozen import code_of
from benchmarks.published.points import POINTS, PUBLISHED_AT
from runtime.target import Target
from runtime.timing.profiling.path import critical_path
from runtime.timing.profiling.record import record

SHOWN = ("opt-1.3b", "opt-13b", "opt-30b", "opt-66b", "llama-7b", "llama-70b")
BROKEN_DOWN = ("opt-1.3b-x1", "opt-6.7b-x1", "opt-30b-x1", "opt-66b-x2", "llama-7b-x1")
CAUSES = ("memory", "refresh", "matrix", "vector", "link", "control")
SPEEDUP = 5.43

Rows = list[dict[str, Any]]


def contexts(axes: Any, rows: Rows) -> None:
    """How far above the floor, over the tokens in the cache."""
    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for row in rows:
        if row["shape"] in SHOWN and row["target"] == "lpu-4nm":
            name = f"{row['shape']} x{row['devices']}"
            found[name].append((row["context"], row["today"] / row["floor"]))
    for name, points in found.items():
        xs, ys = zip(*sorted(points), strict=True)
        axes.plot(xs, ys, marker="o", markersize=3, label=name)
    axes.set(xscale="log", xlabel="tokens in the cache", ylabel="time over floor", ylim=(1, None))
    ticks = sorted({row["context"] for row in rows})
    axes.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
    axes.minorticks_off()
    axes.legend(fontsize=8)


def devices(axes: Any, rows: Rows) -> None:
    """Tokens a second of the 20B shape, beside a straight line and the published speed-up."""
    points = sorted(
        (row["devices"], 1e3 / row["today"])
        for row in rows
        if row["shape"] == "gpt3-20b" and row["context"] == PUBLISHED_AT
    )
    xs, ys = zip(*points, strict=True)
    axes.plot(xs, [ys[0] * x for x in xs], linestyle=":", color="gray", label="as many times")
    axes.plot(xs, ys, marker="o", markersize=4, label="20B shape, predicted")
    axes.plot([8], [ys[0] * SPEEDUP], marker="x", linestyle="", label="published, 5.43x of ours")
    axes.set(xlabel="devices", ylabel="tokens a second", xticks=xs, ylim=(0, None))
    axes.legend(fontsize=8)


def causes(axes: Any) -> None:
    """The critical path of a token by cause, in shares; above it milliseconds."""
    left = [0.0] * len(BROKEN_DOWN)
    shares: dict[str, list[float]] = {cause: [] for cause in CAUSES}
    labels = list[str]()
    for point in (p for name in BROKEN_DOWN for p in POINTS if p.name == name):
        with tempfile.TemporaryDirectory() as folder:
            program = code_of(point, "today", Path(folder))
        run = record(program, {program.interface.symbols[0].name: PUBLISHED_AT})
        spent: dict[str, int] = defaultdict(int)
        for piece in critical_path(run):
            spent[str(piece.spent)] += piece.end - piece.begin
        refresh = float(1 - Target.load(point.target).refresh_leaves) * spent["memory"]
        values = {**spent, "refresh": refresh, "memory": spent["memory"] - refresh}
        for cause in CAUSES:
            shares[cause].append(values.get(cause, 0) / run.cycles)
        labels.append(f"{point.shape} x{point.devices}\n{run.seconds * 1e3:.3g} ms")
    for cause, widths in shares.items():
        axes.barh(labels, widths, left=left, label=cause, height=0.6)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.invert_yaxis()
    axes.set(xlabel="share of the critical path", xlim=(0, 1))
    axes.legend(fontsize=8, ncols=len(CAUSES), loc="lower center", bbox_to_anchor=(0.5, 1))


def main() -> None:
    """Draw all."""
    parser = argparse.ArgumentParser(description="Pictures of published and predicted figures.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.json")
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    rows = [row for file in arguments.files for row in json.loads(file.read_text("utf-8"))]
    matplotlib = importlib.import_module("matplotlib")
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "lpuc", "font.size": 9})
    pyplot = importlib.import_module("matplotlib.pyplot")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        "contexts": lambda axes: contexts(axes, rows),
        "devices": lambda axes: devices(axes, rows),
        "causes": causes,
    }
    for name, draw in pictures.items():
        figure, axes = pyplot.subplots(figsize=(6.4, 3.6), layout="constrained")
        draw(axes)
        figure.savefig(arguments.folder / f"{name}.svg", metadata={"Date": None})
        pyplot.close(figure)


if __name__ == "__main__":
    main()
