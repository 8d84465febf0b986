"""
The same shapes by GenZ, an analytic model of others, beside ours.

    python -m benchmarks.published.genz [--run] [--code frozen]

GenZ (`genz-llm` 0.0.16, arXiv 2406.01698) takes each operation's longer one of products and bytes,
and adds them up. Told are the shape (not its name: 13B has another width in its list), the machine,
in its units, and the tokens before. `--run` computes and stores `genz.json`, for which the package
must be there (`pip install lpuc[compare]`); without, the stored figures are shown. `eta` is GenZ
with the share of the time that refresh leaves as its efficiency.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.decoders.shape import SHAPES
from benchmarks.published.frozen import CODES, code_of
from benchmarks.published.points import POINTS, PUBLISHED_AT, Point
from runtime.target import Target
from runtime.timing import predict

STORED = Path(__file__).parent / "genz.json"
SHOWN = [point for point in POINTS if point.target == "lpu-4nm"]
MICROSECONDS = 1e6


def config(point: Point) -> dict[str, Any]:
    """A shape in the words of GenZ."""
    shape = SHAPES[point.shape]
    return {
        "model": point.shape, "vocab_size": shape.vocabulary, "hidden_size": shape.width,
        "intermediate_size": shape.hidden, "num_ffi": 2 if shape.family == "llama" else 1,
        "num_decoder_layers": shape.layers, "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.cached, "head_dim": shape.head,
    }  # fmt: skip


def system(target: Target) -> dict[str, Any]:
    """A machine in its units: Tflop/s, GB, GB/s, and microseconds of a hop."""
    macs = target.mac_trees * target.vector_lanes * target.clock_hz
    return {
        "Flops": 2 * macs / 1e12, "Memory_size": 1e6, "Memory_BW": target.hbm_bandwidth / 1e9,
        "ICN": target.link_bandwidth / 1e9,
        "ICN_LL": target.link_hop_latency / target.clock_hz * MICROSECONDS, "real_values": True,
    }  # fmt: skip


def computed() -> dict[str, dict[str, float]]:
    """Milliseconds of a token by GenZ."""
    decode = importlib.import_module("GenZ").decode_moddeling
    make = importlib.import_module("GenZ.Models.default_models").ModelConfig
    found = dict[str, dict[str, float]]()
    for point in SHOWN:
        target = Target.load(point.target)
        found[point.name] = {}
        for name, share in (("peak", 1.0), ("eta", float(target.refresh_leaves))):
            with contextlib.redirect_stdout(io.StringIO()):
                result = decode(
                    model=make(**config(point)), batch_size=1, input_tokens=PUBLISHED_AT, Bb=1,
                    system_name=system(target), system_eff=share, tensor_parallel=point.devices,
                    parallelism_heirarchy=f"TP{{{point.devices}}}_EP{{1}}_PP{{1}}",
                )  # fmt: skip
            found[point.name][name] = float(result["Latency"])
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="GenZ beside this model, on the same shapes.")
    parser.add_argument("--run", action="store_true", help="compute what is stored anew")
    parser.add_argument("--code", choices=CODES, default=CODES[0])
    arguments = parser.parse_args()
    if arguments.run:
        STORED.write_text(json.dumps(computed(), indent=1) + "\n", encoding="utf-8")
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    print("| model | GenZ, ms | GenZ, eta | ours | ours / GenZ, eta | published |")
    print("|---|---|---|---|---|---|")
    for point in SHOWN:
        with tempfile.TemporaryDirectory() as folder:
            program, row = code_of(point, arguments.code, Path(folder)), stored[point.name]
        ours = predict(program, {program.interface.symbols[0].name: PUBLISHED_AT}).seconds * 1e3
        published = "" if point.published is None else f"{point.published:.2f}"
        cells = [f"{point.shape} x{point.devices}", *(f"{row[k]:.3f}" for k in ("peak", "eta"))]
        print(f"| {' | '.join(cells)} | {ours:.3f} | {ours / row['eta']:.3f} | {published} |")


if __name__ == "__main__":
    main()
