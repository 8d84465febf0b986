"""The program file: round trips, damage of every kind, atomic writing, validation."""

import dataclasses
import errno
import os
import struct
import threading
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from runtime.errors import Invalid, Malformed, RuntimeFault
from runtime.isa import Addi, Halt, Inst, Jump, Li, Mov
from runtime.isa.spec import ISA_VERSION
from runtime.program.assembly import assemble, disassemble
from runtime.program.file.canonical import from_text
from runtime.program.file.container import (
    NO_DIGEST,
    Kind,
    Section,
    align,
    digest,
    header_bytes,
    pack_header,
)
from runtime.program.file.writing import write_file
from runtime.program.interface import Dim, Port, Symbol
from runtime.program.program import Program
from runtime.run.interpreter import Interpreter
from runtime.weights.image import BLOCK_BYTES
from tests.unit.runtime.program.programs import F32, expected, program, projection, tokens

HEADER = header_bytes(7)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A written projection."""
    file = tmp_path / "p.lpu"
    projection().write(file)
    return file


def test_load_gives_what_was_written(path: Path) -> None:
    loaded = Program.load(path, check="all")
    assert loaded == projection()
    np.testing.assert_array_equal(loaded.params_of().whole(), projection().params_of().data)
    y = Interpreter(loaded).run({"x": tokens(2)})["y"]
    np.testing.assert_allclose(y, expected(tokens(2)), rtol=1e-5, atol=1e-5)


def test_assembly_is_lossless(path: Path, tmp_path: Path) -> None:
    text = disassemble(Program.load(path))
    assemble(text).write(tmp_path / "q.lpu")
    assert (tmp_path / "q.lpu").read_bytes() == path.read_bytes()
    assert disassemble(Program.load(tmp_path / "q.lpu")) == text


def test_a_flipped_byte_is_noticed(path: Path) -> None:
    data, original = path.read_bytes(), Program.load(path)
    params_at = len(data) - original.params_of().size
    for at in [*range(HEADER), *range(HEADER, len(data), 41)]:
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
        try:
            loaded = Program.load(path)
        except RuntimeFault:
            continue
        assert at >= params_at, f"byte {at} may change unnoticed"
        assert loaded == original
        with pytest.raises(Malformed, match=r"p\.lpu: bytes \d+ to \d+ \(parameter block 0\)"):
            loaded.check_params()


def test_a_truncated_file_is_malformed(path: Path) -> None:
    data = path.read_bytes()
    for length in [*range(HEADER), *range(HEADER, len(data), 53)]:
        path.write_bytes(data[:length])
        with pytest.raises(Malformed):
            Program.load(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(Malformed, match="header says"):
        Program.load(path)


def test_a_file_of_another_version_says_what_helps(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8:12] = struct.pack("<I", 5)
    path.write_bytes(data)
    with pytest.raises(Malformed, match=r"version 5 is not 8; compile the model again"):
        Program.load(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"none\.lpu: cannot be read"):
        Program.load(tmp_path / "none.lpu")


def test_parameters_stream_in_pieces_with_gaps(tmp_path: Path) -> None:
    size = 2 * BLOCK_BYTES + 100
    base = -(-size // 64) * 64
    made = program([Halt()])
    interface = dataclasses.replace(made.interface, params_size=size, arena_base=base)
    made = dataclasses.replace(made, interface=interface)
    first, second = np.arange(1000, dtype=np.int32), np.full(BLOCK_BYTES, 3, np.uint8)
    made.write(tmp_path / "p.lpu", iter([(64, [first]), (BLOCK_BYTES + 50, [memoryview(second)])]))
    whole = np.zeros(size, np.uint8)
    whole[64 : 64 + 4000] = first.view(np.uint8)
    whole[BLOCK_BYTES + 50 :][:BLOCK_BYTES] = 3
    loaded = Program.load(tmp_path / "p.lpu", check="all")
    np.testing.assert_array_equal(loaded.params_of().whole(), whole)
    origin = loaded.params_of().origin
    assert origin is not None
    assert len(origin.digests) == 3 * 32
    assert len(origin.sums) == 3 * 8


def test_pieces_of_any_type_and_none_at_all(tmp_path: Path) -> None:
    program([Halt()]).write(tmp_path / "empty.lpu")
    assert Program.load(tmp_path / "empty.lpu").params_of().size == 0
    made = program([Halt()], params=np.zeros(6, np.uint8))
    made.write(tmp_path / "p.lpu", [(0, [np.ones((1, 3), ml_dtypes.bfloat16)])])
    np.testing.assert_array_equal(
        Program.load(tmp_path / "p.lpu").params_of().whole()[::2], [128, 128, 128]
    )


def test_a_failed_write_leaves_nothing(path: Path) -> None:
    before = path.read_bytes()
    for pieces in ([(0, [b"x" * 9999])], [(8, [b"y"]), (0, [b"x"])]):
        with pytest.raises(Invalid, match="param"):
            projection().write(path, pieces)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["p.lpu"]


def test_a_disk_that_fails_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong in the thread that writes reaches the caller."""
    before = path.read_bytes()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        projection().write(path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["p.lpu"]
    assert threading.active_count() == 1


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwrite

    def short(descriptor: int, data: memoryview, at: int) -> int:
        return write(descriptor, data[:7], at)

    monkeypatch.setattr("os.pwrite", short)
    projection().write(tmp_path / "p.lpu")
    loaded = Program.load(tmp_path / "p.lpu", check="all")
    np.testing.assert_array_equal(loaded.params_of().whole(), projection().params_of().data)


@pytest.mark.parametrize("kinds", [(5,), (6,), (8,), (5, 6), (6, 8), (5, 7), (5, 6, 7, 8)])
def test_sections_of_parameters_belong_together(kinds: tuple[int, ...], path: Path) -> None:
    """Parameters are in the file, by reference or absent, and nothing in between."""
    numbers, at = [1, 2, 3, 4, 9, *kinds], header_bytes(5 + len(kinds))
    at = align(at)
    sections = [Section(k, 1, at, 0, NO_DIGEST if k == 6 else digest(b"")) for k in numbers]
    head = pack_header(sections, ISA_VERSION, at)
    path.write_bytes(head + bytes(at - len(head)))
    with pytest.raises(Malformed, match="do not belong together"):
        Program.load(path)


def _invalid(made: Program, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        made.validate()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ([], "last instruction is not halt"),
        ([Halt(), Li(1, 1)], "last instruction is not halt"),
        ([Jump(3), Halt()], "where no instruction is"),
        ([Mov(1, 40), Halt()], "r40, lpu-tiny has 32"),
        ([Addi(32, 1, 1), Halt()], "r32"),
    ],
)
def test_code_that_cannot_run(code: list[Inst], message: str) -> None:
    _invalid(program(code), message)


def test_interfaces_that_cannot_be_right() -> None:
    made = projection()
    for change, message in (
        ({"arena_base": 1000}, "arena of 4096 bytes at 1000"),
        ({"arena_base": 64}, "arena"),
        ({"arena_size": 1 << 50}, "exceed"),
        ({"arena_size": 64}, "does not lie in the arena"),
        ({"registers": ((8, 1),)}, "r8"),
        ({"registers": ((0, 1),)}, "r0"),
        ({"symbols": ()}, "unknown symbol 'rows'"),
        ({"symbols": (Symbol("rows", 8, 1, 999),)}, "does not lie in the arena"),
    ):
        interface = dataclasses.replace(made.interface, **change)  # type: ignore[arg-type]
        _invalid(dataclasses.replace(made, interface=interface), message)


def test_a_port_without_elements_needs_no_bytes() -> None:
    made = projection()
    empty = Port("none", F32, F32, (Dim(0), Dim(5)), (5, 1), made.interface.arena_base + 4096)
    outputs = (*made.interface.outputs, empty)
    interface = dataclasses.replace(made.interface, outputs=outputs)
    dataclasses.replace(made, interface=interface).validate()


def test_provenance_answers_by_pc() -> None:
    made = projection()
    assert made.provenance.nodes_at(0) == ("a", "b")
    assert made.provenance.nodes_at(10_000) == ()
    names = {made.provenance.nodes_at(pc) for pc in range(40)}
    assert ("/layers.0/mm",) in names


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        (Kind.CODE, bytes((8 << 20) + 16), "section CODE has 8388624 bytes, more than 8388608"),
        (Kind.INTERFACE, b" " * ((4 << 20) + 1), "section INTERFACE has 4194305 bytes"),
    ],
)
def test_no_section_is_larger_than_what_is_read(
    kind: Kind, data: bytes, message: str, tmp_path: Path
) -> None:
    sections = {**projection().sections(), kind: data}
    with pytest.raises(Malformed, match=message):
        write_file(tmp_path / "p.lpu", sections, 0, None)


def test_json_of_very_many_values_is_refused_before_it_is_read() -> None:
    assert from_text("[1,2]") == [1, 2]
    with pytest.raises(ValueError, match="more than 1048576 values"):
        from_text(f"[{'[],' * (1 << 20)}0]")


@pytest.mark.parametrize("name", [r"\ud800", r"\uDC00", r"\ud800x\udc00"])
def test_names_are_text(name: str) -> None:
    """Half a surrogate pair is JSON, and nothing that could be printed."""
    with pytest.raises(ValueError, match="half a surrogate pair"):
        from_text(f'{{"name":["{name}"]}}')
    assert from_text(r'"\ud83d\ude00"') == "\U0001f600"
