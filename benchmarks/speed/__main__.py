"""Choose parts and run them; see the package."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks.speed.compiling import compile_part, copy_part
from benchmarks.speed.dumping import dump_part
from benchmarks.speed.layers import layers_part
from benchmarks.speed.proving import prove_part
from benchmarks.speed.ring import ring_part
from benchmarks.speed.stepping import step_part

PARTS = ("compile", "step", "copy", "layers", "ring", "dump", "prove")


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description="Compare speed, memory and size.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--models", type=Path, default=Path("build/decoders"), metavar="DIR")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    wanted = arguments.parts or PARTS
    unknown = sorted(set(wanted) - set(PARTS))
    if unknown:
        parser.error(f"no part '{unknown[0]}'; there are {', '.join(PARTS)}")
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    for part in wanted:
        if part == "compile":
            compile_part(arguments.models, arguments.repeat)
        elif part == "step":
            step_part(arguments.models)
        elif part == "copy":
            copy_part(arguments.models, arguments.repeat)
        elif part == "dump":
            dump_part(arguments.models, arguments.repeat)
        elif part == "prove":
            prove_part(arguments.models, max(5, arguments.repeat))
        elif part == "ring":
            ring_part(arguments.models)
        else:
            layers_part(arguments.models)


main()
