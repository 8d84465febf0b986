"""The file that `lpuc compile` writes: the same bytes each time, and all that a machine needs."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from shutil import copy

import numpy as np
import pytest

import lpuc
from benchmarks.decoder_inputs import Call
from lpuc.cli import invoke
from tests.e2e.committed import CONTEXT, ONE, ROOT, compiled, feeds

ALONE = """
import sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        allowed = {"runtime", "numpy", "ml_dtypes", *sys.stdlib_module_names}
        if name.partition(".")[0] not in allowed:
            raise ImportError(f"{name} is not installed")

sys.meta_path.insert(0, Finder())
import numpy as np
from runtime import load

program = load("model.lpu", check="all")
outputs = program.run(dict(np.load("inputs.npz")))
np.savez("outputs.npz", **outputs)
print(*program.generate([1, 5, 9], max_new_tokens=6))
print(*program.generate([1, 5, 9], max_new_tokens=6, temperature=0.9, top_k=20, seed=7))
print(program.session().step([1, 5, 9]).argmax(-1)[-1])
"""
RUN = """
import sys, numpy as np
from runtime.run.interpreter import Interpreter
from runtime.program.program import Program
outputs = Interpreter(Program.load("model.lpu")).run(dict(np.load("inputs.npz")))
np.savez("outputs.npz", **outputs)
assert not {"xdsl", "onnx", "lpuc", "passes", "dialects"} & set(sys.modules), sorted(sys.modules)
"""


def python(folder: Path, *arguments: str, seed: str = "0") -> str:
    """Run python in a folder; its output."""
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, *arguments]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def command(model: Path | str, *more: str) -> list[str]:
    """A compilation to `model.lpu`."""
    options = ["--precision", "f32", "--max-context", str(CONTEXT), "-o", "model.lpu"]
    return ["compile", str(model), *options, *more]


def compile_in(folder: Path, model: Path | str, *more: str, seed: str = "0") -> Path:
    """Compile a model in a process of its own."""
    python(folder, "-m", "lpuc", *command(model, *more), seed=seed)
    return folder / "model.lpu"


def compile_here(folder: Path, model: Path | str, *more: str) -> Path:
    """Compile a model in this process, in a folder."""
    with chdir(folder):
        assert invoke(command(model, *more)) == 0
    return folder / "model.lpu"


def test_numpy_is_enough_to_run_and_to_generate(tmp_path: Path):
    program = lpuc.load(compile_here(tmp_path, ONE))
    inputs = feeds(ONE, Call(new=1, past=5, mask="random"))
    np.savez(tmp_path / "inputs.npz", **inputs)
    greedy, drawn, first = python(tmp_path, "-c", ALONE).splitlines()
    choice = {"temperature": 0.9, "top_k": 20, "seed": 7}
    tokens = list(program.generate([1, 5, 9], max_new_tokens=6))
    assert [int(word) for word in greedy.split()] == tokens
    assert int(first) == tokens[0]
    expected = list(program.generate([1, 5, 9], max_new_tokens=6, **choice))
    assert [int(word) for word in drawn.split()] == expected
    for name, array in np.load(tmp_path / "outputs.npz").items():
        np.testing.assert_array_equal(array, program.run(inputs)[name])


def test_same_bytes_in_another_process_and_folder(tmp_path: Path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    copy(ONE, there / ONE.name)
    first = compile_in(here, ONE, seed="1").read_bytes()
    assert compile_in(there, ONE.name, seed="2").read_bytes() == first


def test_runs_without_compiler_and_model(tmp_path: Path):
    call = Call(new=1, past=5, mask="random")
    inputs = feeds(ONE, call)
    model = tmp_path / "model.onnx"
    copy(ONE, model)
    compile_here(tmp_path, "model.onnx", "--prompt-chunk", "0")
    model.unlink()
    np.savez(tmp_path / "inputs.npz", **inputs)
    python(tmp_path, "-c", RUN)
    outputs = dict(np.load(tmp_path / "outputs.npz"))
    expected = compiled(ONE, "lpu-4nm", call).runners["fast"](inputs)
    assert sorted(outputs) == sorted(expected)
    for name, value in expected.items():
        assert np.array_equal(outputs[name], value), name


def test_verify(capsys: pytest.CaptureFixture[str]):
    context = ["--max-context", "12", "--prompt-chunk", "0"]
    assert invoke(["verify", str(ONE), "--target", "lpu-tiny", *context]) == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert head.split() == ["output", "onnx", "lpu", "mem", "program", "fast"]
