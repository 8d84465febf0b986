"""
Every model of some folders, on several numbers of devices, in several precisions.

    python -m benchmarks.sweep DIR... [--devices 1,2,4,8] [--precisions f32,f16,int8,int4]

All are compiled, up to a program that the machine's checks accept. A share of them, `--verify`,
drawn by `--seed`, is verified: all levels against ONNX Runtime. `int8` is what ONNX Runtime's tools
make of a model in f32, `int4` a model with products in blocks of 4 bits; both are compiled in f32.
The table has a row for each model. Exit code 1 if one is refused, breaks or is wrong. A model that
has no form of a precision, such as one that is quantised already, does not count.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import product
from pathlib import Path

import numpy as np
import onnx

from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.pool import Result
from benchmarks.fuzz.running import Options, add_arguments, finish, run
from dialects.errors import CompileError
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from lpuc.errors import UserError
from lpuc.files.disk import replacing
from lpuc.levels.onnx_runtime import Refusal
from lpuc.verification.verified import verified
from runtime.errors import BadOption
from runtime.run.interpreter import Interpreter
from tests.e2e.block_quantising import in_blocks

PRECISIONS = ("f32", "f16", "int8", "int4")
BYTES = {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
"""What quantised weights are stored as."""
LIMIT_SECONDS = 600.0
WORDS = {"right": "ok", "refused": "REFUSED", "wrong": "WRONG", "crash": "CRASH", "uncounted": "-"}


@dataclass(frozen=True, order=True)
class Key:
    """A model, and how it is compiled; some are verified, too."""

    model: Path
    devices: int
    precision: str
    is_verified: bool = False

    def __str__(self) -> str:
        return f"{name_of(self.model)} on {self.devices} in {self.precision}"


def name_of(model: Path) -> str:
    """What a model is called: its folder, if that has no other."""
    return model.parent.name if model.stem == "model" else f"{model.parent.name}/{model.stem}"


def keys(
    folders: Sequence[Path], devices: Sequence[int], precisions: Sequence[str], share: float,
    seed: int, only: str = "",
) -> Iterator[Key]:  # fmt: skip
    """All ways to compile all models; whether one is verified does not hang on the others."""
    found = sorted({path.resolve() for folder in folders for path in folder.rglob("*.onnx")})
    for model, count, precision in product(found, devices, precisions):
        if only in name_of(model):
            drawn = np.random.default_rng([seed, *f"{name_of(model)} {count} {precision}".encode()])
            yield Key(model, count, precision, bool(drawn.random() < share))


class Unavailable(Exception):
    """Why a model has no form of a precision."""


def quantised(model: Path, precision: str, folder: Path) -> Path:
    """The file of a model in a precision that the compiler takes as it finds it, made once.

    Processes may make it at the same time.
    """
    path = folder / f"{sha256(f'{model} {precision}'.encode()).hexdigest()}.onnx"
    if not path.exists():
        with replacing(path, durable=False) as temporary:
            _quantise(onnx.load(model), precision, temporary)
    return path


def _quantise(model: onnx.ModelProto, precision: str, path: Path) -> None:
    """Write a model in f32 with weights of fewer bits; `Unavailable` if it cannot have such."""
    kinds = _kinds(model)
    is_plain = onnx.TensorProto.FLOAT in kinds and onnx.TensorProto.FLOAT16 not in kinds
    if not is_plain or any("NBits" in node.op_type for node in model.graph.node):
        raise Unavailable("the model is quantised already, or not in f32")
    try:
        if precision == "int4":
            onnx.save(in_blocks(model), path)
        else:
            import onnxruntime.quantization as tools

            kind, operators = tools.QuantType.QInt8, ["MatMul", "Gemm"]
            tools.quantize_dynamic(model, path, operators, per_channel=True, weight_type=kind)
    except Exception as error:  # the tools raise what they like
        raise Unavailable(f"the tool fails: {error}") from None
    if BYTES.isdisjoint(_kinds(onnx.load(path))):
        raise Unavailable("there is nothing to quantise")


def _kinds(model: onnx.ModelProto) -> set[int]:
    """The element types of weights."""
    return {tensor.data_type for tensor in model.graph.initializer}


def judged(key: Key, folder: Path, whole_budget: float) -> Outcome:
    """What becomes of a model in one way."""
    plain = key.precision in ("f32", "f16")
    model = key.model if plain else quantised(key.model, key.precision, folder)
    options = CompileOptions(
        precision=key.precision if plain else "f32", devices=key.devices, whole_budget=whole_budget
    )
    if not key.is_verified:
        Interpreter(compile_model(model, options).in_memory)  # which checks it
        return Outcome("right", stage="compile")
    found = verified(model, options, None, 0)
    if found.is_right:
        differences = [number for row in found.table.values() for number in row.values()]
        return Outcome("right", stage="verify", error=max(differences, default=0.0))
    output, level = next(iter(found.mismatches))
    what = f"output '{output}' is {found.table[output][level]:.1e} off at level {level}"
    return Outcome("wrong", what, level, found.table[output][level])


def run_key(folder: Path, whole_budget: float, key: Key) -> Result:
    """The same, whatever it raises."""
    try:
        outcome = judged(key, folder, whole_budget)
    except (Unavailable, Refusal) as error:
        outcome = Outcome("uncounted", _line(error), "reference")
    except (CompileError, UserError) as error:
        outcome = Outcome("refused", _line(error), "compile")
    except Exception as error:  # whatever it is, the other models go on
        outcome = Outcome("crash", f"{type(error).__name__}: {_line(error)}", "compile")
    return Result(outcome, str(key), ("verified" if key.is_verified else "compiled alone",))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def table(results: Mapping[Key, Result]) -> str:
    """A row for each model, a column for each way; what was verified has a mark."""
    ways = sorted({(key.precision, key.devices) for key in results})
    cells = {(key.model, key.precision, key.devices): _cell(key, results[key]) for key in results}
    models = sorted({key.model for key in results})
    width = max((len(name_of(model)) for model in models), default=0)
    lines = [f"{'':{width}} " + " ".join(f"{p + ' x' + str(n):>8}" for p, n in ways)]
    for model in models:
        row = " ".join(f"{cells.get((model, *way), ''):>8}" for way in ways)
        lines.append(f"{name_of(model):{width}} {row}")
    return "\n".join((*lines, "ok*: verified at every level, too"))


def _cell(key: Key, result: Result) -> str:
    word = WORDS[result.outcome.verdict]
    return f"{word}*" if key.is_verified and word == "ok" else word


def numbers(text: str) -> list[int]:
    """Those of `1,2,4`."""
    return [int(number) for number in text.split(",")]


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print the table and the counts; exit code 1 unless all are right."""
    parser = argparse.ArgumentParser(description="Models, numbers of devices, precisions.")
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="with *.onnx in them")
    parser.add_argument("--devices", type=numbers, default="1,2,4,8", metavar="A,B")
    parser.add_argument(
        "--precisions", default="f32,f16", metavar="A,B", help=", ".join(PRECISIONS)
    )
    parser.add_argument("--verify", type=float, default=0.1, metavar="SHARE", help="0 to 1")
    parser.add_argument("--seed", type=int, default=0, help="which of them are verified")
    parser.add_argument("--whole-budget", type=float, default=5.0, metavar="PERCENT")
    parser.add_argument("--only", default="", metavar="NAME", help="part of a model's name")
    add_arguments(parser)
    parser.set_defaults(limit=LIMIT_SECONDS)
    given = parser.parse_args(argv)
    precisions = given.precisions.split(",")
    if unknown := set(precisions).difference(PRECISIONS):
        parser.error(f"no such precision: {', '.join(sorted(unknown))}")
    for count in given.devices:
        try:
            CompileOptions(devices=count, whole_budget=given.whole_budget)
        except BadOption as error:
            parser.error(str(error))
    wanted = list(
        keys(given.folders, given.devices, precisions, given.verify, given.seed, given.only)
    )
    if not wanted:
        parser.error("there are no models")
    with tempfile.TemporaryDirectory() as made:
        task = partial(run_key, Path(made), given.whole_budget)
        results = run(task, wanted, Options.of(given))
    print(table(results))
    refused = any(result.outcome.verdict == "refused" for result in results.values())
    return max(finish(results), int(refused))


if __name__ == "__main__":
    sys.exit(main())
