"""The models that are measured, written once and kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def model(folder: Path, shape: str, layers: int | None = None) -> Path:
    """The file of a model; it is written by a process of its own if it is not there."""
    name = shape if layers is None else f"{shape}-{layers}"
    path = folder / name / "model.onnx"
    if not path.exists():
        print(f"writing {path} ...", file=sys.stderr)
        more = () if layers is None else ("--layers", str(layers))
        command = (sys.executable, "-m", "benchmarks.decoders", shape, *more, "-o", str(path))
        subprocess.run(command, check=True)
    return path
