"""
Part `step`: one token of GPT-2-small with a full cache, on one thread.

    python -m benchmarks.speed.stepping MODEL --through ours|runtime|limit

prints the seconds of single steps as JSON. Ours is the entry `generate`, whose cache stays on the
device: steps are the times between its tokens. A program without that entry is stepped through its
ONNX interface. ONNX Runtime has its inputs bound once and keeps its outputs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.speed.models import model
from benchmarks.speed.processes import answer
from benchmarks.speed.seen import ORIGIN, STEPS
from lpuc.cli.threads import limit_threads

CACHED = 1024
STEP_COUNT = 12
WARM = 2
"""Steps that are not counted."""

Steps = Callable[[Path], list[float]]


def ours(path: Path) -> list[float]:
    """Steps of a program in f32."""
    from lpuc.compiler.driver import compile_model
    from lpuc.compiler.options import CompileOptions
    from runtime.generation.device import GENERATE
    from runtime.run.interpreter import Interpreter

    compiled = compile_model(path, CompileOptions(precision="f32", max_context=2 * CACHED))
    program = compiled.in_memory
    machine = Interpreter(program)
    names = [name for name, _ in program.entries]
    return on_device(machine) if GENERATE in names else through_interface(machine)


def on_device(machine: Any) -> list[float]:
    """Times between tokens that the device makes from a prompt that fills the cache."""
    import numpy as np

    from runtime.generation.device import Request
    from runtime.generation.tokens import generate

    prompt = np.random.default_rng(0).integers(0, 50257, CACHED).tolist()
    tokens = generate(machine, Request(prompt, STEP_COUNT + 1))
    stamps = [time.perf_counter() for _ in tokens]
    return [after - before for before, after in pairwise(stamps)]


def through_interface(machine: Any) -> list[float]:
    """Calls of `step` with the cache as an input and an output."""
    inputs = call_inputs({p.name: p for p in machine.program.interface.inputs})
    return timed(lambda: machine.run(inputs))


def runtime(path: Path) -> list[float]:
    """Steps of ONNX Runtime on resident arrays."""
    onnxruntime: Any = import_module("onnxruntime")
    settings: Any = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.log_severity_level = 1, 3
    session: Any = onnxruntime.InferenceSession(str(path), settings, ["CPUExecutionProvider"])
    binding = session.io_binding()
    ports = {port.name: port for port in session.get_inputs()}
    kept = {n: onnxruntime.OrtValue.ortvalue_from_numpy(a) for n, a in call_inputs(ports).items()}
    for name, value in kept.items():
        binding.bind_ortvalue_input(name, value)
    for port in session.get_outputs():
        binding.bind_output(port.name, "cpu")
    return timed(lambda: session.run_with_iobinding(binding))


def call_inputs(names: Any) -> dict[str, Any]:
    """One new token behind `CACHED` others."""
    import numpy as np

    rng, arrays = np.random.default_rng(0), dict[str, Any]()
    for name in names:
        if name.startswith("past"):
            arrays[name] = rng.standard_normal((1, 12, CACHED, 64), np.float32)
        else:
            arrays[name] = np.full((1, 1), CACHED if name == "position_ids" else 7, np.int64)
    arrays["attention_mask"] = np.ones((1, CACHED + 1), np.int64)
    return arrays


def limit(path: Path) -> list[float]:
    """What reading all weights of products takes, as numpy's products with a vector."""
    import numpy as np
    import onnx

    graph = onnx.ModelProto.FromString(path.read_bytes()).graph
    data = path.with_name("model.onnx.data").read_bytes()
    weights: list[Any] = []
    for tensor in graph.initializer:
        if len(tensor.dims) == 2 and tensor.data_type == 1 and "wpe" not in tensor.name:
            at = {entry.key: entry.value for entry in tensor.external_data}
            rows, columns = tensor.dims
            flat = np.frombuffer(data, np.float32, rows * columns, int(at["offset"]))
            weights.append(flat.reshape(rows, columns))
    ones = {width: np.ones(width, np.float32) for width in (768, 3072)}

    def products() -> None:
        for weight in weights:
            if weight.shape[0] in ones:
                np.matmul(ones[weight.shape[0]], weight)
            else:
                np.matmul(weight, ones[weight.shape[1]])

    return timed(products)


def timed(step: Callable[[], object]) -> list[float]:
    """Seconds of each of several calls."""
    found: list[float] = []
    for _ in range(STEP_COUNT):
        started = time.perf_counter()
        step()
        found.append(time.perf_counter() - started)
    return found


WAYS: dict[str, Steps] = {"ours": ours, "runtime": runtime, "limit": limit}


def step_part(folder: Path) -> None:
    """All ways in turn, each in a process of its own."""
    path = str(model(folder, "gpt2"))
    print(f"one token of GPT-2-small, f32, {CACHED} in the cache, one thread, medians")
    medians: dict[str, float] = {}
    for way in WAYS:
        seconds = answer("benchmarks.speed.stepping", [path, "--through", way])
        medians[way] = median(seconds[WARM:])
        print(f"  {way:10} {medians[way] * 1e3:7.1f} ms")
    for name, text in STEPS.items():
        print(f"  {name}: {text} ({ORIGIN})")
    print(f"  ours / ONNX Runtime: {medians['ours'] / medians['runtime']:.2f} (goal 0.80)")


def main() -> None:
    """Run one way."""
    parser = argparse.ArgumentParser(description="Time single steps.")
    parser.add_argument("model", type=Path)
    parser.add_argument("--through", choices=WAYS, required=True)
    arguments = parser.parse_args()
    limit_threads(1)
    print(json.dumps(WAYS[arguments.through](arguments.model)))


if __name__ == "__main__":
    main()
