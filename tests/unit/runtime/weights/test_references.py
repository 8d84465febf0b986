"""Parameters by reference: what is loaded is what was meant, or the program is refused."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from runtime.errors import Invalid, Malformed, Unlinked
from runtime.isa import Halt
from runtime.numerics.elements import ElementType
from runtime.program.assembly import assemble, disassemble
from runtime.program.program import Program
from runtime.run.interpreter import Interpreter
from runtime.weights import source_files
from runtime.weights.checksums import SUM_BYTES, block_sum
from runtime.weights.recipes import Cast, FileRange, Inline, Recipe, Stack, Transpose, Unpack, read
from runtime.weights.referenced_files import SourceFile
from runtime.weights.references import Param, References, refer
from runtime.weights.source_files import BLOCK_BYTES, Span, Sums, merged
from tests.unit.runtime.program.programs import program, projection

F32, F16 = ElementType.F32, ElementType.F16
SIZE = 8192
MATRIX = FileRange("sub/w.bin", 64, (16, 8), F32)
PARAMS: list[Param] = [
    (0, Transpose(MATRIX, (1, 0))),
    (512, Stack((Cast(MATRIX, F16), Cast(FileRange("v.bin", 4, (16, 8), F32), F16)))),
    (1088, Inline(b"\0\0\0\1", (1,), F32)),
]
PARAMS_SIZE = 1100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder `model` with weights, one file of them in a folder below."""
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    for seed, name in enumerate(("sub/w.bin", "v.bin")):
        data = np.random.default_rng(seed).standard_normal(SIZE // 4).astype(np.float32)
        data.tofile(folder / name)
    return folder


@pytest.fixture
def made(folder: Path) -> Program:
    """A program beside its weights."""
    base = program([Halt()])
    interface = dataclasses.replace(base.interface, params_size=PARAMS_SIZE, arena_base=1 << 16)
    references = refer(PARAMS, folder, folder)
    return dataclasses.replace(base, interface=interface, references=references)


def _expected(folder: Path) -> np.ndarray:
    out = np.zeros(PARAMS_SIZE, np.uint8)
    for at, recipe in PARAMS:
        data = np.frombuffer(read(recipe, folder).tobytes(), np.uint8)
        out[at : at + data.size] = data
    return out


def test_loading_executes_the_recipes(made: Program, folder: Path):
    made.write(folder / "p.lpu")
    loaded = Program.load(folder / "p.lpu", check="all")
    assert loaded == made
    np.testing.assert_array_equal(loaded.params_of().data, _expected(folder))
    assert not loaded.embedded
    assert Interpreter(loaded).program.params_of() is not None


def test_the_folder_may_move_and_be_linked_to(made: Program, folder: Path):
    made.write(folder / "p.lpu")
    expected = _expected(folder)
    moved = folder.rename(folder.parent / "elsewhere")
    (folder.parent / "link.lpu").symlink_to(moved / "p.lpu")
    loaded = Program.load(folder.parent / "link.lpu")
    np.testing.assert_array_equal(loaded.params_of().data, expected)


def test_a_program_written_elsewhere_names_its_files_from_there(made: Program, folder: Path):
    made.write(folder.parent / "up.lpu")
    loaded = Program.load(folder.parent / "up.lpu")
    assert loaded.references is not None
    assert [f.path for f in loaded.references.files] == ["model/sub/w.bin", "model/v.bin"]
    np.testing.assert_array_equal(loaded.params_of().data, _expected(folder))
    made.write(folder / "sub" / "p.lpu")
    beside = Program.load(folder / "sub" / "p.lpu")
    assert beside.references is not None
    real = folder.resolve()
    assert [f.path for f in beside.references.files] == [str(real / "v.bin"), "w.bin"]
    np.testing.assert_array_equal(beside.params_of().data, _expected(folder))


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def _link_twice(path: Path) -> None:
    path.with_suffix(".2").hardlink_to(path)


def _link(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def _link_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_suffix(".real"))
    path.parent.symlink_to(path.parent.with_suffix(".real"))


def _replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _change(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[64 + 16 * 8 * 4 - 1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (Path.unlink, "sub/w.bin: No such file"),
        (_append, "has 8193 bytes, had 8192"),
        (_change, "sub/w.bin: bytes 64 to 576 .block 0. changed since"),
        (_link, "lies behind a link"),
        (_link_folder, "lies behind a link"),
        (_link_twice, "several hard links"),
        (_replace_by_pipe, "is a pipe, not a regular file"),
        (_replace_by_folder, "is a folder, not a regular file"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_files_that_are_not_as_they_were(
    made: Program, folder: Path, damage: Callable[[Path], None], message: str
):
    made.write(folder / "p.lpu")
    damage(folder / "sub" / "w.bin")
    loaded = Program.load(folder / "p.lpu")
    for use in (Interpreter, Program.check_params):
        with pytest.raises(Unlinked, match=message):
            use(loaded)


def test_bytes_that_are_not_read_may_change(made: Program, folder: Path):
    """What lies beside the weights, such as the rest of a model, is none of the program's."""
    made.write(folder / "p.lpu")
    data = bytearray((folder / "v.bin").read_bytes())
    data[0] ^= 1
    data[-1] ^= 1
    (folder / "v.bin").write_bytes(data)
    Interpreter(Program.load(folder / "p.lpu"))


@pytest.mark.parametrize(
    ("files", "params", "message"),
    [
        ([("/", 99)], [], "no plain path"),
        ([("/a/../w", 99)], [], "no plain path"),
        ([("../w", 99)], [], "no plain path"),
        ([("a/../../w", 99)], [], "no plain path"),
        ([("a//w", 99)], [], "no plain path"),
        ([("", 99)], [], "no plain path"),
        ([("w\0", 99)], [], "no plain path"),
        ([("w", 99), ("v", 99)], [], "not in order"),
        ([("w", 99), ("w", 99)], [], "not in order"),
        ([("w", 99)], [(0, FileRange("w", 96, (1,), F32))], "lies outside of 'w'"),
        ([], [(0, FileRange("w", 0, (1,), F32))], "lies outside of 'w'"),
        ([("w", 99)], [(-4, FileRange("w", 0, (1,), F32))], "overlaps"),
        ([("w", 99)], [(0, FileRange("w", 0, (2,), F32))] * 2, "overlaps"),
        ([("w", 99)], [(1, Inline(bytes(1100), (1100,), ElementType.U8))], "exceed the 1100"),
    ],
)
def test_references_that_cannot_be_right(
    made: Program, files: list[tuple[str, int]], params: list[tuple[int, Recipe]], message: str
):
    table = tuple(SourceFile(path, size, "00") for path, size in files)
    wrong = dataclasses.replace(made, references=References(table, tuple(params)))
    with pytest.raises(Invalid, match=message):
        wrong.validate()


@pytest.mark.parametrize("sums", ["", "00" * 7, "00" * 16, "0x" * 8, "zz" * 8, "00" * 7 + "0\n"])
def test_checksums_that_are_none(made: Program, sums: str):
    """A file has one for each of its blocks, however large it claims to be."""
    table = (SourceFile("w", 1 << 40, sums),)
    for weight in (FileRange("w", 0, (1,), F32), FileRange("w", 0, (0,), F32)):
        wrong = dataclasses.replace(made, references=References(table, ((0, weight),)))
        if sums or weight.shape == (1,):
            with pytest.raises(Invalid, match="no checksum for each of its"):
                wrong.validate()


def test_a_small_file_is_no_bomb():
    large = FileRange("w", 0, (1 << 20,), F32)
    references = References((SourceFile("w", 4 << 20, "00"),), ((0, Stack((large,) * 64)),))
    with pytest.raises(Invalid, match="do not come from so small files"):
        references.validate(256 << 20)


def test_numbers_of_two_bits_are_no_bomb():
    """Sixteen times their bytes in f32, and twice that where extents are padded; no more."""
    packed = FileRange("w", 0, (3 << 20,), ElementType.U8)
    weight = Cast(Unpack(packed, 2, (12 << 20,), ElementType.U8), F32)
    references = References((SourceFile("w", 3 << 20, "00" * SUM_BYTES),), ((0, weight),))
    references.validate(48 << 20)
    references.validate((64 << 20) + 32 * (3 << 20))
    with pytest.raises(Invalid, match="do not come from so small files"):
        references.validate((64 << 20) + 32 * (3 << 20) + 1)


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "[]",
        '{"files":[]}',
        '{"files":1,"params":[]}',
        '{"files":[[1]],"params":[]}',
        '{"files":[],"params":[[true,[]]]}',
        '{"files":[],"params":[[0,[]]]}',
    ],
)
def test_other_tables_are_malformed(text: str):
    with pytest.raises(Malformed):
        References.from_json(json.loads(text))


def sums_of(descriptor: int, spans: list[Span]) -> bytes:
    with Sums() as sums:
        return sums.of(descriptor, spans)


def test_checksums_are_of_the_bytes_alone(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Neither threads nor how ranges are cut change it; each byte in a range does."""
    descriptor = os.open(folder / "v.bin", os.O_RDONLY)
    whole = sums_of(descriptor, [(5, 7000)])
    assert sums_of(descriptor, [(3000, 7000), (5, 100), (80, 3000)]) == whole
    assert sums_of(descriptor, [(5, 7001)]) != whole
    monkeypatch.setattr(source_files, "THREADS", 1)
    assert sums_of(descriptor, [(5, 7000)]) == whole
    os.close(descriptor)
    assert merged([(4, 4), (8, 9), (1, 3), (2, 5)]) == [(1, 5), (8, 9)]


def test_tasks_of_several_parts_give_each_its_checksum(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(source_files, "BLOCK_BYTES", 512)
    monkeypatch.setattr(source_files, "TASK_BYTES", 1200)
    data = np.fromfile(folder / "v.bin", np.uint8)
    spans = [(100, 700), (1024, 4000), (5000, 5001)]
    blocks = [data[start:stop] for start, stop in source_files.parts_of(spans)]
    descriptor = os.open(folder / "v.bin", os.O_RDONLY)
    with Sums() as sums:
        sums.begin(folder / "v.bin", [(600, 2000)])
        assert sums.of(descriptor, spans) == b"".join(map(block_sum, blocks))
    with Sums() as sums, pytest.raises(Malformed, match="became shorter"):
        sums.of(descriptor, [(0, 512), (data.size - 1, data.size + 1)])
    os.close(descriptor)


def test_what_is_summed_ahead_is_not_trusted_for_another_file(folder: Path):
    """Ranges begun early serve the file as it was; a file written since is summed anew."""
    path = folder / "v.bin"
    with Sums() as sums:
        sums.begin(path, [(0, 4000), (5000, 7000)])
        sums.begin(folder / "absent", [(0, 1)])
        _append(path)
        descriptor = os.open(path, os.O_RDONLY)
        assert sums.of(descriptor, [(5, 7000)]) == sums_of(descriptor, [(5, 7000)])
        os.close(descriptor)


def test_assembly_keeps_references_and_their_absence(made: Program, folder: Path):
    for case in (made, dataclasses.replace(made, references=None)):
        case.write(folder / "p.lpu")
        text = disassemble(Program.load(folder / "p.lpu"))
        assemble(text).write(folder / "q.lpu")
        assert (folder / "q.lpu").read_bytes() == (folder / "p.lpu").read_bytes()


def test_a_program_without_weights_loads_and_does_not_run(folder: Path):
    base = projection()
    dataclasses.replace(base, images=()).write(folder / "p.lpu")
    loaded = Program.load(folder / "p.lpu", check="all")
    assert loaded == base
    with pytest.raises(Unlinked, match="holds no weights"):
        Interpreter(loaded)


def test_only_blocks_that_are_read_are_verified(folder: Path):
    """Each is, with the bytes that are used: the files are read once."""
    large = np.random.default_rng(9).integers(0, 256, 3 * BLOCK_BYTES, dtype=np.uint8)
    large.tofile(folder / "large.bin")
    weight = FileRange("large.bin", 100, (2 * BLOCK_BYTES,), ElementType.U8)
    references = refer([(0, weight)], folder, folder)
    assert [len(file.sums) for file in references.files] == [3 * 16]
    expected = large[100 : 100 + 2 * BLOCK_BYTES]
    np.testing.assert_array_equal(references.load(expected.size)[0].data, expected)
    for at, noticed in ((99, False), (100, True), (weight.shape[0] + 99, True), (-1, False)):
        damaged = large.copy()
        damaged[at] ^= 1
        damaged.tofile(folder / "large.bin")
        with pytest.raises(Unlinked, match="changed since") if noticed else nullcontext():
            references.load(expected.size)


def test_trusted_files_are_not_verified(made: Program, folder: Path):
    made.write(folder / "p.lpu")
    _change(folder / "sub" / "w.bin")
    changed = _expected(folder)
    trusting = Program.load(folder / "p.lpu", check="none")
    np.testing.assert_array_equal(trusting.params_of().data, changed)
