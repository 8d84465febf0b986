"""Where a program has its weights: in itself, in the model's files, nowhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import chdir
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest

import lpuc
from lpuc.cli import invoke
from runtime.isa.spec import ISA_VERSION
from runtime.program.file.container import Kind, unpack_header
from runtime.program.program import Program
from tests.unit.cli.conftest import MODEL

Make = Callable[..., None]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model that tests have copies of; nobody changes it."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "model").mkdir()
    proto = onnx.load(str(MODEL))  # pyright: ignore[reportUnknownMemberType]
    onnx.save_model(  # pyright: ignore[reportUnknownMemberType]
        proto, str(folder / "model/m.onnx"), save_as_external_data=True, location="m.data",
        size_threshold=256,
    )  # fmt: skip
    return folder


@pytest.fixture
def model(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model with its weights in a file of their own, in a folder below the working directory."""
    shutil.copytree(source / "model", tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "model/m.onnx"


@pytest.fixture(scope="module")
def of(source: Path) -> Callable[..., bytes]:
    """The program that options make of the model, compiled once."""

    @cache
    def compiled(*options: str) -> bytes:
        with chdir(source):
            assert _compile(Path("model/m.onnx").resolve(), *options) == 0
            return Path("m.lpu").read_bytes()

    return compiled


@pytest.fixture
def made(model: Path, of: Callable[..., bytes]) -> Callable[..., None]:
    """Puts such a program beside the model, as `_compile` does."""
    return lambda *options: Path("m.lpu").write_bytes(of(*options)) and None


def _compile(model: Path, *options: str) -> int:
    without = ["--max-context", "32", "--prompt-chunk", "0"]
    return invoke(["compile", str(model), "-o", "m.lpu", *without, *options])


def _outputs(program: str, inputs: Path) -> dict[str, np.ndarray]:
    assert invoke(["run", program, "--inputs", str(inputs), "--outputs", "out.npz"]) == 0
    with np.load("out.npz") as arrays:
        return dict(arrays)


def test_by_reference(made: Make, inputs: Path, program: Path):
    """The same results, as long as the files are there and as they were."""
    made("--weights", "reference")
    loaded = Program.load("m.lpu")
    assert not loaded.embedded
    assert loaded.references is not None
    assert "model/m.data" in [file.path for file in loaded.references.files]
    expected = _outputs(str(program), inputs)
    for name, array in _outputs("m.lpu", inputs).items():
        np.testing.assert_array_equal(array, expected[name])


def test_a_changed_file_is_refused_with_one_line(
    model: Path, made: Make, inputs: Path, capsys: pytest.CaptureFixture[str]
):
    made("--weights", "reference")
    (model.parent / "m.data").unlink()
    capsys.readouterr()
    assert invoke(["run", "m.lpu", "--inputs", str(inputs), "--outputs", "o.npz"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: m.lpu: model/m.data: No such file")
    assert message.count("\n") == 1
    assert not Path("o.npz").exists()
    assert invoke(["inspect", "m.lpu"]) == 0
    assert "by reference: model/m.data" in capsys.readouterr().out
    assert invoke(["inspect", "m.lpu", "--check"]) == 1


def test_a_program_may_lie_elsewhere(model: Path, inputs: Path):
    Path("other").mkdir()
    arguments = ["compile", str(model), "--weights", "reference", "-o", "other/m.lpu"]
    assert invoke(arguments) == 0
    assert invoke(["run", "other/m.lpu", "--inputs", str(inputs), "--outputs", "o.npz"]) == 0
    Path("other/m.lpu").rename("m.lpu")
    assert invoke(["run", "m.lpu", "--inputs", str(inputs), "--outputs", "o.npz"]) == 0


def test_without_weights(model: Path, inputs: Path, capsys: pytest.CaptureFixture[str]):
    """Predictions are those of the whole program, though the weights do not exist."""
    assert _compile(model) == 0
    with_weights = capsys.readouterr().out
    (model.parent / "m.data").unlink()
    assert _compile(model) == 1
    assert "m.data" in capsys.readouterr().err
    assert _compile(model, "--no-weights") == 0
    without = capsys.readouterr().out
    assert without.splitlines()[:-1] == with_weights.splitlines()[:-1]
    assert invoke(["inspect", "m.lpu"]) == 0
    assert "none: it can be inspected, not run" in capsys.readouterr().out
    for command in (
        ["run", "m.lpu", "--inputs", str(inputs), "--outputs", "o.npz"],
        ["generate", "m.lpu", "--tokens", "1,2"],
    ):
        assert invoke(command) == 1
        assert "error: m.lpu: the program holds no weights" in capsys.readouterr().err


def test_embedded_programs_need_no_files(model: Path, made: Make, inputs: Path, program: Path):
    made("--weights", "embed")
    shutil.rmtree(model.parent)
    expected = _outputs(str(program), inputs)
    for name, array in _outputs("m.lpu", inputs).items():
        np.testing.assert_array_equal(array, expected[name])


def test_the_forms_exclude_each_other(model: Path):
    assert _compile(model, "--weights", "embed", "--no-weights") == 2
    assert not Path("m.lpu").exists()


def _damage(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("weights", ["embed", "reference"])
def test_a_flipped_bit_of_a_parameter_is_refused(
    weights: str, model: Path, made: Make, inputs: Path, capsys: pytest.CaptureFixture[str]
):
    """In the program or in the file it refers to; with --no-check nobody looks."""
    made("--weights", weights)
    run = ["run", "m.lpu", "--inputs", str(inputs), "--outputs", "o.npz"]
    generate = ["generate", "m.lpu", "--tokens", "1,2", "-n", "2"]
    _damage(Path("m.lpu") if weights == "embed" else model.parent / "m.data", -1)
    place = "m.lpu: bytes" if weights == "embed" else "m.lpu: model/m.data: bytes"
    for command in (run, generate, [*run, "--check"], [*generate, "--check"]):
        capsys.readouterr()
        assert invoke(command) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith(f"error: {place} ")
        assert printed.err.count("\n") == 1
        assert not Path("o.npz").exists()
    for command in (run, generate):
        assert invoke([*command, "--no-check"]) == 0


def test_a_damaged_program_is_not_disassembled(made: Make, capsys: pytest.CaptureFixture[str]):
    """What `asm` would make of the text would be signed anew."""
    made("--weights", "embed")
    _damage(Path("m.lpu"), -1)
    capsys.readouterr()
    assert invoke(["disasm", "m.lpu", "-o", "m.s"]) == 1
    assert "parameter block 0" in capsys.readouterr().err
    assert not Path("m.s").exists()
    assert invoke(["disasm", "m.lpu", "--no-params"]) == 0


def test_assembly_does_not_overwrite_the_weights_it_refers_to(
    model: Path, made: Make, capsys: pytest.CaptureFixture[str]
):
    made("--weights", "reference")
    assert invoke(["disasm", "m.lpu", "-o", "m.s"]) == 0
    weights = model.parent / "m.data"
    before = weights.read_bytes()
    assert invoke(["asm", "m.s", "-o", "other.lpu"]) == 0
    Path("m.s").write_text(Path("m.s").read_text().replace("model/m.", "m."))
    capsys.readouterr()
    assert invoke(["asm", "m.s", "-o", str(weights)]) == 1
    assert "is an input too" in capsys.readouterr().err
    assert weights.read_bytes() == before


def test_four_devices_have_the_same_parameters_in_every_form(
    made: Make, inputs: Path, program: Path
):
    """Embedded, by reference, embedded again, and through text: one program, and one result."""
    made("--devices", "4")
    shutil.copy("m.lpu", "embedded.lpu")
    made("--devices", "4", "--weights", "reference")
    lpuc.load("m.lpu").save("again.lpu", weights="embed")
    assert Path("again.lpu").read_bytes() == Path("embedded.lpu").read_bytes()
    for name in ("embedded", "m"):
        assert invoke(["disasm", f"{name}.lpu", "-o", "m.s"]) == 0
        assert invoke(["asm", "m.s", "-o", "text.lpu"]) == 0
        assert Path("text.lpu").read_bytes() == Path(f"{name}.lpu").read_bytes()
    expected = _outputs(str(program), inputs)
    for name in ("embedded", "m"):
        for output, array in _outputs(f"{name}.lpu", inputs).items():
            np.testing.assert_allclose(array, expected[output], atol=2e-3)
    lpuc.load("m.lpu").save("none.lpu", weights="none")
    assert not Program.load("none.lpu").embedded


def test_the_parameters_of_four_devices_are_those_of_one(made: Make):
    """Each has a quarter, but for vectors that all have whole."""
    sizes: list[int] = []
    for options in (("--weights", "embed"), ("--devices", "4")):
        made(*options)
        sizes.append(Program.load("m.lpu").interface.params_size)
    assert sizes[1] <= 1.06 * sizes[0] / 4


def test_images_of_devices_that_changed_places_are_refused_before_a_run(
    made: Make, inputs: Path, capsys: pytest.CaptureFixture[str]
):
    made("--devices", "2")
    data = bytearray(Path("m.lpu").read_bytes())
    header = unpack_header(data, len(data), ISA_VERSION)
    first, second = (header.sections[Kind.PARAMS, device] for device in range(2))
    held = data[first.offset : first.end]
    data[first.offset : first.end] = data[second.offset : second.end]
    data[second.offset : second.end] = held
    Path("m.lpu").write_bytes(data)
    capsys.readouterr()
    assert invoke(["run", "m.lpu", "--inputs", str(inputs), "--outputs", "o.npz"]) == 1
    assert "parameters of device 0 are those of device 1" in capsys.readouterr().err
    assert not Path("o.npz").exists()
