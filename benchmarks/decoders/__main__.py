"""
Write a decoder with random weights.

    python -m benchmarks.decoders gpt2 --layers 96 -o DIR/model.onnx
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import SHAPES


def main() -> None:
    """Read the command line and write the model with its data beside it."""
    parser = argparse.ArgumentParser(description="Write a decoder with random weights.")
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("--layers", type=int)
    parser.add_argument("--dtype", choices=("f32", "f16"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-data", action="store_true", help="leave the weights out")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    arguments = parser.parse_args()
    wanted = {"layers": arguments.layers, "dtype": arguments.dtype}
    shape = replace(SHAPES[arguments.shape], **{k: v for k, v in wanted.items() if v})
    write_decoder(arguments.output, shape, arguments.seed, not arguments.no_data)


main()
