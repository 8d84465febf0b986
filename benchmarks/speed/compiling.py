"""Parts `compile` and `copy`: whole commands, beside a session of ONNX Runtime and a copy."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.speed.models import model
from benchmarks.speed.processes import Cost, several
from benchmarks.speed.seen import IREE_COMPILE, IREE_PEAK, IREE_SECONDS, ORIGIN

SESSION = """
import sys, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.log_severity_level = 1, 3
onnxruntime.InferenceSession(sys.argv[1], options, ["CPUExecutionProvider"])
"""
"""What building a session takes, in a process of its own."""


def ours(path: Path, weights: str, precision: str, repeat: int) -> Cost:
    """`lpuc compile`; the program lies beside the model, as references need it, and goes again."""
    target = path.with_name("speed.lpu")
    command = (sys.executable, "-m", "lpuc", "compile", str(path), "-o", str(target))
    try:
        return several((*command, "--precision", precision, "--weights", weights), repeat)
    finally:
        target.unlink(missing_ok=True)


def session(path: Path, repeat: int) -> Cost:
    """A session of ONNX Runtime on one thread."""
    return several((sys.executable, "-c", SESSION, str(path)), repeat)


def compile_part(folder: Path, repeat: int) -> None:
    """GPT-2-small and the same with 96 layers, f32."""
    small, deep = model(folder, "gpt2"), model(folder, "gpt2", 96)
    print(f"compile GPT-2 shapes, f32, one thread, whole command, medians of {repeat}")
    referred = {12: ours(small, "reference", "f32", repeat)}
    print(f"  12 layers, lpuc by reference   {referred[12]}")
    print(f"  12 layers, lpuc embedded       {ours(small, 'embed', 'f32', repeat)}")
    print(f"  12 layers, ONNX Runtime        {session(small, repeat)}")
    referred[96] = ours(deep, "reference", "f32", repeat)
    print(f"  96 layers, lpuc by reference   {referred[96]}")
    print(f"  96 layers, ONNX Runtime        {session(deep, repeat)}")
    for layers, text in IREE_COMPILE.items():
        print(f"  {layers} layers, IREE by reference    {text} ({ORIGIN})")
    share = referred[12].seconds / IREE_SECONDS[12]
    print(f"  lpuc / IREE at 12 layers: {share:.2f} (goal 0.50); peak at most {IREE_PEAK[12]} MB")
    more = referred[96].seconds - referred[12].seconds
    least = IREE_SECONDS[96] - IREE_SECONDS[12]
    print(f"  84 more layers: {more:.2f} s, {more / least:.2f} of IREE's {least:.1f} s (goal 0.10)")


def copy_part(folder: Path, repeat: int) -> None:
    """A 1.3B OPT shape with f16 weights in the program, beside a copy of the weights."""
    path = model(folder, "opt-1.3b")
    data, copy = path.with_name("model.onnx.data"), path.with_name("copy.data")
    print(f"compile a 1.3B OPT shape, f16 embedded, {data.stat().st_size / 1e9:.2f} GB of weights")
    compiled = ours(path, "embed", "f16", repeat)
    try:
        copied = several(("cp", str(data), str(copy)), repeat)
        synced = several(("sh", "-c", 'cp "$0" "$1" && sync "$1"', str(data), str(copy)), repeat)
    finally:
        copy.unlink(missing_ok=True)
    print(f"  lpuc embedded, synced to disk  {compiled} (goal 1000 MB)")
    print(f"  cp of the weights, synced      {synced}")
    print(f"  cp alone, in the page cache    {copied}")
    print(f"  lpuc / synced copy: {compiled.seconds / synced.seconds:.2f} (goal 2.00)")
    print(f"  lpuc / copy alone:  {compiled.seconds / copied.seconds:.2f}")
