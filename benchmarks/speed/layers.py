"""Part `layers`: the code of a deep model and of a shallow one of the same shape."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.speed.models import model
from benchmarks.speed.processes import answer, once

SHALLOW, DEEP = 4, 48


def layers_part(folder: Path) -> None:
    """Bytes of each section of the program; those of code have to be equal."""
    print(f"sections of a Llama shape with {SHALLOW} and {DEEP} layers, f16, in bytes")
    found: list[dict[str, int]] = []
    for layers in (SHALLOW, DEEP):
        path = model(folder, "llama", layers)
        target = path.with_name("speed.lpu")
        command = (sys.executable, "-m", "lpuc", "compile", str(path), "-o", str(target))
        once((*command, "--no-weights"))
        found.append(answer("benchmarks.speed.layers", [str(target)]))
        target.unlink()
    for name, size in found[0].items():
        verdict = "equal" if size == found[1][name] else "differ"
        print(f"  {name:12} {size:9} {found[1][name]:9}  {verdict}")


def main() -> None:
    """Print the sizes of one program as JSON."""
    from runtime.program.program import Program

    sections = Program.load(sys.argv[1]).sections()
    print(json.dumps({kind.name.lower(): len(data) for kind, data in sections.items()}))


if __name__ == "__main__":
    main()
