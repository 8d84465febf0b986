"""Any dump leads to the program of the compilation, byte for byte, and can be run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import chdir
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from benchmarks.decoder_inputs import Call
from lpuc.cli import invoke
from tests.e2e.committed import feeds
from tests.e2e.dumps import MODEL, VARIANTS, WAYS, Dumped, dumped, judged, run

CHOSEN = {
    "default": [(7, "copied"), (-5, "by_opt")],
    "target, role and reference": [(-3, "copied"), (1, "by_xdsl"), (-1, "in_place")],
    "plan": [(10, "by_xdsl")],
    "shape and none": [(0, "from_elsewhere"), (5, "from_elsewhere")],
    "f32": [(-2, "by_emit")],
}
"""Of each variant, some dumps and how they are fed back; all of them is a slow test."""


@pytest.fixture(scope="module")
def of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Dumped]:
    """What was dumped of a variant, once."""
    return cache(lambda name: dumped(tmp_path_factory.mktemp(name), *VARIANTS[name]))


@pytest.fixture(scope="module", params=VARIANTS)
def made(request: pytest.FixtureRequest, of: Callable[[str], Dumped]) -> tuple[str, Dumped]:
    return request.param, of(request.param)


def test_some_dumps_lead_to_the_same_bytes(made: tuple[str, Dumped]):
    variant, found = made
    for index, way in CHOSEN[variant]:
        assert judged(found, found.files[index], way), (found.files[index].name, way)


@pytest.mark.slow
def test_all_dumps_lead_to_the_same_bytes(made: tuple[str, Dumped]):
    _, found = made
    wrong = [(f.name, way) for f in found.files for way in WAYS if not judged(found, f, way)]
    assert not wrong


@pytest.fixture(scope="module")
def plain(of: Callable[[str], Dumped]) -> Dumped:
    return of("f32")


def test_a_dump_of_each_level_can_be_run(plain: Dumped, tmp_path: Path):
    np.savez(tmp_path / "in.npz", **feeds(MODEL, Call(new=1, past=3)))
    last = {
        _level(str(entry["file"])): str(entry["file"]) for entry in plain.passes() if entry["file"]
    }
    files = [plain.folder / "model.lpu", *(plain.folder / "dump" / name for name in last.values())]
    outputs: list[dict[str, np.ndarray]] = []
    for file in files:
        run("run", file, "--inputs", tmp_path / "in.npz", "--outputs", tmp_path / "out.npz")
        outputs.append(dict(np.load(tmp_path / "out.npz")))
    assert len(outputs) == 5
    for found in outputs[1:]:
        assert list(found) == list(outputs[0])
        for name, value in found.items():
            assert np.allclose(value, outputs[0][name], rtol=1e-4, atol=1e-5)


def _level(file: str) -> str:
    return next(
        (at for at in ("isa", "mem") if f"lpu-{at}-" in file), "lpu" if "lpu" in file else "onnx"
    )


def test_inputs_that_do_not_fit_are_refused_by_name(
    plain: Dumped, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    given = dict(feeds(MODEL, Call(new=1, past=3)))
    del given["position_ids"]
    np.savez(tmp_path / "in.npz", **given)
    command = ["run", str(plain.files[9]), "--inputs", str(tmp_path / "in.npz")]
    assert invoke([*command, "--outputs", str(tmp_path / "out.npz")]) == 1
    assert "position_ids: expected i64 [1, 1], got nothing" in capsys.readouterr().err
    assert not (tmp_path / "out.npz").exists()


def test_weights_may_have_moved_but_not_changed(
    plain: Dumped, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    shutil.copytree(plain.folder / "dump", tmp_path / "dump")
    file, out = tmp_path / "dump" / plain.files[4].name, tmp_path / "out.lpu"
    (tmp_path / "there").mkdir()
    moved = shutil.move(plain.folder / "model.onnx", tmp_path / "there/model.onnx")
    command = ["compile", "--from", str(file), "-o", str(out)]
    try:
        assert invoke(command) == 1
        assert (
            "model.onnx, are not found; name their folder: --model-dir" in capsys.readouterr().err
        )
        run(*command, "--model-dir", tmp_path / "there")
        assert out.read_bytes() == plain.program
        with chdir(tmp_path / "there"):
            run(*command)
        data = bytearray(Path(moved).read_bytes())
        data[-1000] ^= 1
        (tmp_path / "dump/model.onnx").write_bytes(data)
        assert invoke(command) == 1
        assert "are not those that the IR was made from" in capsys.readouterr().err
    finally:
        shutil.move(moved, plain.folder / "model.onnx")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--precision", "bf16"], "--precision is in the IR already"),
        (["--emit", "onnx"], "--emit onnx: the passes to come lead to lpu, mem, isa"),
        (["--pipeline", "dce"], "do not lead to a program"),
        ([str(MODEL)], "name a model, or with --from the IR"),
    ],
)
def test_what_cannot_be_chosen_any_more(
    plain: Dumped, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
):
    file = next(f for f in plain.files if "convert-onnx-to-lpu" in f.name)
    assert invoke(["compile", "--from", str(file), *options]) == 2
    assert words in capsys.readouterr().err


def test_ir_of_a_person_says_nothing_of_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "mine.mlir").write_text("func.func @step() {\n  func.return\n}\n")
    assert invoke(["compile", "--from", str(tmp_path / "mine.mlir")]) == 1
    assert "does not say which passes are to come" in capsys.readouterr().err
