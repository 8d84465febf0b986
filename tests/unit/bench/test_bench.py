"""`lpuc bench` from end to end, on models of a few kilobytes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lpuc.bench.processes import Process
from lpuc.bench.sides.onnx_runtime import OnnxRuntime
from lpuc.bench.sides.questions import Watch
from lpuc.cli import invoke
from lpuc.cli.threads import VARIABLES
from lpuc.errors import UserError
from runtime.program.interface_json import to_json
from runtime.program.program import Program

MODEL = Path(__file__).parents[3] / "samples/exports/gpt2.onnx"
FEW = ("--context", "6", "-n", "3", "--rounds", "2")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "gpt2.lpu"
    options = ("--precision", "f32", "--max-context", "32")
    assert invoke(["compile", str(MODEL), "-o", str(path), *options]) == 0
    return path


@pytest.fixture(scope="module")
def kept(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a comparison with ONNX Runtime prints as JSON."""
    path = tmp_path_factory.mktemp("bench") / "kept.json"
    command = (sys.executable, "-m", "lpuc", "bench", str(program), *FEW, "--json")
    more = ("--model", str(MODEL), "--against", "onnxruntime")
    done = subprocess.run((*command, *more), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    path.write_text(done.stdout)
    return path


TIMED = {"seconds", "cpu", "tokens_per_second"}
SPREAD = {"lower", "median", "upper", "count"}


def _is_spread(data: dict[str, Any], count: int) -> bool:
    ordered = data["lower"] <= data["median"] <= data["upper"]
    return set(data) == SPREAD and ordered and data["lower"] > 0 and data["count"] == count


def test_the_data_of_a_comparison(kept: Path) -> None:
    data = json.loads(kept.read_text())
    assert data["version"] == 1
    assert set(data) == {
        "version", "file", "machine", "subject", "plan", "lpuc", "classes", "ratios",
        "read_bytes_per_second", "onnxruntime", "not_compared", "same_tokens",
        "instructions_per_token", "seconds_outside_products", "profiled_seconds",
    }  # fmt: skip
    for name in ("lpuc", "onnxruntime"):
        side = data[name]
        assert set(side) == {"about", "first_token", "step", "peak_bytes"}
        assert side["peak_bytes"] > 1 << 20
        for part, count in (("first_token", 2), ("step", 6)):
            assert set(side[part]) == TIMED
            assert _is_spread(side[part]["seconds"], count)
            assert _is_spread(side[part]["tokens_per_second"], count)
        first = side["first_token"]
        assert first["tokens_per_second"]["median"] * first["seconds"]["median"] == pytest.approx(6)
    assert data["plan"]["context"] == 6
    assert data["subject"]["precision"] == "f32"
    assert _is_spread(data["read_bytes_per_second"]["1"], 8)
    counts = {name: share["count"] for name, share in data["classes"].items()}
    assert set(counts) == {"product", "elementwise", "reduction", "transfer", "control"}
    assert min(counts.values()) > 0
    assert data["instructions_per_token"] == sum(counts.values())
    mine, theirs = data["lpuc"]["step"]["seconds"], data["onnxruntime"]["step"]["seconds"]
    ratio = data["ratios"]["onnxruntime"]["step"]
    assert ratio == pytest.approx(mine["median"] / theirs["median"])


def test_options_of_onnx_runtime_are_said_exactly(kept: Path) -> None:
    import onnxruntime

    assert json.loads(kept.read_text())["onnxruntime"]["about"] == {
        "version": onnxruntime.__version__,
        "providers": ["CPUExecutionProvider"],
        "intra_op_num_threads": 1,
        "inter_op_num_threads": 1,
        "graph_optimization_level": "ORT_ENABLE_ALL",
        "execution_mode": "ORT_SEQUENTIAL",
        "session.force_spinning_stop": "1",
    }


def test_both_sides_decode_the_same_text(kept: Path) -> None:
    same, count = json.loads(kept.read_text())["same_tokens"]
    assert count == 3 * (1 + 1 + 3)
    assert same == count


def test_a_table_for_people(program: Path, kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["bench", str(program), *FEW, "--baseline", str(kept)]) == 0
    told = capsys.readouterr().out
    for words in (
        "f32, 6 tokens in the cache, 1 thread", "lpuc / baseline", "first token", "decode",
        "peak memory", "product", "GB/s", "ONNX Runtime: needs the model that the program was",
    ):  # fmt: skip
        assert words in told


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program in f16."""
    path = tmp_path_factory.mktemp("bench") / "half.lpu"
    assert invoke(["compile", str(MODEL), "-o", str(path), "--max-context", "32"]) == 0
    return path


REFUSED: dict[str, tuple[list[str], str]] = {
    "precision": (
        ["--model", str(MODEL), "--against", "onnxruntime"],
        "the model's file is in f32, the program in f16; compile with --precision f32",
    ),
    "no model": (["--against", "onnxruntime"], "needs the model that the program was compiled"),
    "room": (["--context", "100"], "do not fit the 32 of the program"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_unlike_things_are_refused(
    name: str, half: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, words = REFUSED[name]
    assert invoke(["bench", str(half), *FEW, *arguments]) == 1
    assert words in capsys.readouterr().err


def test_unlike_things_are_left_out_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """The program of a model is in f16 unless asked otherwise, and few files are."""
    assert invoke(["bench", str(MODEL), "--max-context", "32", *FEW]) == 0
    told = capsys.readouterr().out
    assert "ONNX Runtime: the model's file is in f32, the program in f16" in told
    assert "lpuc / it" not in told


def test_a_program_of_another_model_is_not_compared(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same graph, after one more day of training."""
    made = onnx.load(MODEL)
    largest = max(made.graph.initializer, key=lambda tensor: np.prod(tensor.dims))
    weights = numpy_helper.to_array(largest)
    largest.CopyFrom(numpy_helper.from_array(weights * np.float32(1.1), largest.name))
    onnx.save(made, tmp_path / "changed.onnx")
    assert invoke(["bench", str(program), *FEW, "--model", str(tmp_path / "changed.onnx")]) == 1
    assert "not compiled from this file, or the file changed since" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--threads", "2"], "the baseline has other threads: 1, and this run 2"),
        (["--context", "7"], "the baseline has other context: 6, and this run 7"),
    ],
)
def test_a_baseline_of_another_setting_is_refused(
    arguments: list[str], words: str, program: Path, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["bench", str(program), *FEW, "--baseline", str(kept), *arguments]) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1}', '{"version": 0}'])
def test_what_is_no_baseline(
    text: str, program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.json").write_text(text)
    assert invoke(["bench", str(program), *FEW, "--baseline", str(tmp_path / "b.json")]) == 1
    assert "b.json" in capsys.readouterr().err


def test_options_of_compilations_are_for_models(program: Path) -> None:
    assert invoke(["bench", str(program), "--precision", "f16"]) == 2


def test_the_sides_have_their_threads_before_numpy() -> None:
    """In their environment, and what they import before their `main` is not numpy."""
    code = "import sys; sys.modules['numpy'] = None; import lpuc.bench.sides.worker"
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    with Process("lpuc", 3) as side:
        with pytest.raises(UserError):
            side.ask("ours", "nowhere")
        environment = Path(f"/proc/{side.pid}/environ").read_bytes().split(b"\0")
    assert all(f"{name}=3".encode() in environment for name in VARIABLES)


def test_what_goes_wrong_on_a_side_is_told(tmp_path: Path) -> None:
    with Process("lpuc", 1) as side, pytest.raises(UserError, match=r"lpuc: .*nowhere\.lpu"):
        side.ask("ours", str(tmp_path / "nowhere.lpu"))


def test_a_side_that_dies_is_told() -> None:
    with Process("lpuc", 1) as side:
        side.kill()
        with pytest.raises(UserError, match="lpuc ended with exit code"):
            side.ask("peak")


def test_onnx_runtime_takes_a_prompt_in_one_call(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the program was compiled for one token at a time; the same text as token by token."""
    interface = to_json(Program.load(program).interface)
    side, calls = OnnxRuntime(str(MODEL), interface, 1), list[int]()
    call = side._call  # pyright: ignore[reportPrivateUsage]

    def counted(ids: list[int], past: int, watch: Watch) -> Any:
        calls.append(len(ids))
        return call(ids, past, watch)

    monkeypatch.setattr(side, "_call", counted)
    together = [side.prompt([1, 5, 9, 2], 2)["token"], side.step()["token"], side.step()["token"]]
    assert calls == [4, 1, 1]
    monkeypatch.setattr(side, "_width", 1)
    apart = [side.prompt([1, 5, 9, 2], 2)["token"], side.step()["token"], side.step()["token"]]
    assert calls == [4, 1, 1, *[1] * 6]
    assert together == apart
