"""No command overwrites a file that it reads, by whatever name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnx.helper as oh
import onnx.numpy_helper as nh
import pytest

from lpuc.cli import COMMANDS, invoke
from runtime.target import PRESETS

EXTENT, WEIGHT = "extent.bin", "weight.bin"


def write_model(folder: Path) -> None:
    """`y = reshape(x @ w)`, with the weight and the extents in files of their own."""
    rng = np.random.default_rng(0)
    arrays = {
        WEIGHT: nh.from_array(rng.standard_normal((64, 64)).astype(np.float32), "w"),
        EXTENT: nh.from_array(np.array([8, 8]), "s"),
    }
    for name, tensor in arrays.items():
        (folder / name).write_bytes(tensor.raw_data)
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=name)
    nodes = [oh.make_node("MatMul", ["x", "w"], ["p"]), oh.make_node("Reshape", ["p", "s"], ["y"])]
    values = [oh.make_tensor_value_info(n, 1, e) for n, e in (("x", [1, 64]), ("y", [8, 8]))]
    graph = oh.make_graph(nodes, "g", values[:1], values[1:], list(arrays.values()))
    model = oh.make_model(graph, opset_imports=[oh.make_opsetid("", 18)], ir_version=9)
    (folder / "model.onnx").write_bytes(model.SerializeToString())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of each kind that a command reads."""
    folder = tmp_path_factory.mktemp("made")
    write_model(folder)
    tiny = (PRESETS / "lpu-tiny.toml").read_text("utf-8").replace('"lpu-tiny"', '"mine"')
    (folder / "mine.toml").write_text(tiny)
    np.savez(folder / "in.npz", x=np.ones((1, 64), np.float32))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        compile_to = ["compile", "model.onnx", "--precision", "f32", "-o"]
        assert invoke([*compile_to, "whole.lpu"]) == 0
        assert invoke([*compile_to, "apart.lpu", "--weights", "reference"]) == 0
        for name in ("whole", "apart"):
            assert invoke(["disasm", f"{name}.lpu", "-o", f"{name}.s"]) == 0
        assert invoke(["compile", "model.onnx", "--emit", "lpu", "-o", "lpu.mlir"]) == 0
    shutil.copy(folder / "model.onnx", folder / "00-import.mlir")
    for name in ("index.json", "model.html"):
        shutil.copy(folder / "model.onnx", folder / name)
    return folder


COMPILE = ["compile", "model.onnx", "--target", "mine.toml"]
READ_BY_COMPILE = ("model.onnx", EXTENT, WEIGHT, "mine.toml")
RUN = ["--inputs", "in.npz", "--outputs"]
CASES = [
    *([*COMPILE, "-o", name] for name in READ_BY_COMPILE),
    *([*COMPILE, "--weights", "reference", "-o", name] for name in READ_BY_COMPILE),
    *([*COMPILE, "--emit", level, "-o", n] for level in ("onnx", "isa") for n in READ_BY_COMPILE),
    ["compile", "00-import.mlir", "--dump-ir", ".", "-o", "out"],
    ["compile", "index.json", "--dump-ir", ".", "-o", "out"],
    *(["run", "whole.lpu", *RUN, name] for name in ("whole.lpu", "in.npz")),
    *(["run", "apart.lpu", *RUN, name] for name in ("apart.lpu", "in.npz", WEIGHT)),
    *(["run", "apart.lpu", "--no-check", *RUN, name] for name in ("apart.lpu", WEIGHT)),
    ["disasm", "whole.lpu", "-o", "whole.lpu"],
    *(["disasm", "apart.lpu", "-o", name] for name in ("apart.lpu", WEIGHT)),
    ["asm", "whole.s", "-o", "whole.s"],
    *(["asm", "apart.s", "-o", name] for name in ("apart.s", WEIGHT)),
    ["opt", "lpu.mlir", "-o", "lpu.mlir"],
    ["reduce", "lpu.mlir", "--pipeline", "dce", "-o", "lpu.mlir"],
    ["profile", "index.json", "--trace", "index.json"],
    ["profile", "model.html", "--html", "model.html"],
]
WRITES = ("compile", "run", "disasm", "asm", "opt", "reduce", "profile")
PRINTS = ("generate", "bench", "verify", "bisect", "inspect", "passes", "targets", "ops")


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All files by name."""
    yield from ((path.name, path.read_bytes()) for path in sorted(folder.iterdir()))


def copied(made: Path, tmp_path: Path) -> Path:
    """The folder, to be written to; the weights are where a program by reference has them."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


@pytest.mark.parametrize("arguments", CASES, ids=" ".join)
def test_what_is_read_is_not_overwritten(
    arguments: list[str],
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    folder = copied(made, tmp_path)
    before = dict(contents(folder))
    monkeypatch.chdir(folder)
    assert invoke(arguments) == 1
    assert "is an input too; choose another output" in capsys.readouterr().err
    assert dict(contents(folder)) == before


@pytest.mark.parametrize("link", ["hard", "soft"])
@pytest.mark.parametrize("target", READ_BY_COMPILE)
def test_another_name_of_what_is_read_is_seen_through(
    target: str,
    link: str,
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    folder = copied(made, tmp_path)
    other = tmp_path / "other"
    if link == "hard" and target in ("model.onnx", "mine.toml"):
        other.hardlink_to(folder / target)
    else:
        other.symlink_to(folder / target)
    before = dict(contents(folder))
    monkeypatch.chdir(folder)
    assert invoke([*COMPILE, "-o", str(other)]) == 1
    assert "is an input too" in capsys.readouterr().err
    assert dict(contents(folder)) == before


def test_each_command_that_writes_has_its_cases():
    assert sorted((*WRITES, *PRINTS)) == sorted(COMMANDS)
    assert {arguments[0] for arguments in CASES} == set(WRITES)


def test_other_files_are_replaced(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = copied(made, tmp_path)
    monkeypatch.chdir(folder)
    for arguments in ([*COMPILE, "-o"], ["disasm", "whole.lpu", "-o"], ["asm", "whole.s", "-o"]):
        (folder / "old").write_bytes(b"old")
        assert invoke([*arguments, "old"]) == 0
        assert (folder / "old").read_bytes() != b"old"
