"""A program whose parameters are not what was written refuses to run, whatever reads them."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from runtime.errors import Invalid, Malformed
from runtime.isa import Gather, Halt, Inst, Li, Load, Operand, Store, Vecmat
from runtime.numerics.elements import ElementType
from runtime.program.assembly import assemble, disassemble
from runtime.program.interface import Dim, Port
from runtime.program.program import Program
from runtime.run.interpreter import Interpreter
from runtime.run.run import Run
from runtime.weights import mapping
from runtime.weights.image import BLOCK_BYTES
from tests.unit.runtime.program.programs import expected, program, projection, row, tokens

F32, I64 = ElementType.F32, ElementType.I64
PATHS = pytest.mark.parametrize("reference", [False, True])
WORDS = 2 * BLOCK_BYTES // 4
OUT, IDS = 1 << 22, (1 << 22) + 64


def _flip(path: Path, place: int) -> None:
    """Damage one bit of the parameters, which end the file."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


@PATHS
def test_a_flipped_bit_of_a_panel_is_refused(tmp_path: Path, reference: bool):
    path = tmp_path / "p.lpu"
    projection().write(path)
    inputs = {"x": tokens(2)}
    y = Interpreter(Program.load(path), reference=reference).run(inputs)["y"]
    np.testing.assert_allclose(y, expected(tokens(2)), rtol=1e-5, atol=1e-5)
    _flip(path, -1)
    machine = Interpreter(Program.load(path), reference=reference)
    for _ in range(2):
        with pytest.raises(Malformed, match=r"p\.lpu: bytes \d+ to \d+ \(parameter block 0\)"):
            machine.run(inputs)
    Interpreter(Program.load(path, check="none"), reference=reference).run(inputs)


def _reading(code: list[Inst]) -> Program:
    """A program with two blocks of parameters that brings one word, or two, into its output."""
    made = program(
        [*code, Halt()],
        [Port("ids", I64, I64, (Dim(2),), (1,), IDS)],
        [Port("y", F32, F32, (Dim(2),), (1,), OUT)],
        params=np.arange(WORDS, dtype=np.float32),
    )
    interface = dataclasses.replace(made.interface, arena_base=OUT)
    return dataclasses.replace(made, interface=interface)


def _loading(word: int) -> list[Inst]:
    return [
        Li(1, 1), Li(2, 2), Li(3, 4 * word), Li(4, 4), Li(5, OUT), Li(6, 64),
        Load((1, 1, 1, 2), row(6, 4), row(3, 4)),
        Store((1, 1, 1, 2), row(5, 4), row(6, 4)),
    ]  # fmt: skip


def _gathering() -> list[Inst]:
    return [
        Li(1, 1), Li(2, 2), Li(3, IDS), Li(4, 8), Li(5, OUT), Li(6, 64), Li(7, 128), Li(8, 4),
        Li(9, WORDS),
        Load((1, 1, 1, 2), Operand(I64, 6, (0, 0, 0, 4)), Operand(I64, 3, (0, 0, 0, 4))),
        Gather((1, 1, 1, 2), row(7, 8), Operand(F32, 0), Operand(I64, 6, (0, 0, 0, 4)), 9, 8),
        Store((1, 1, 1, 2), row(5, 8), row(7, 8)),
    ]  # fmt: skip


@PATHS
@pytest.mark.parametrize(
    ("first", "refused"), [(0, False), (WORDS // 2 - 1, True), (WORDS - 2, True)]
)
def test_a_load_is_refused_if_it_touches_the_damaged_block(
    tmp_path: Path, first: int, refused: bool, reference: bool
):
    """Blocks that a run does not read may stay unverified; it is the same as without damage."""
    path = tmp_path / "p.lpu"
    _reading(_loading(first)).write(path)
    _flip(path, -4 * 1000)
    machine = Interpreter(Program.load(path), reference=reference)
    inputs = {"ids": np.zeros(2, np.int64)}
    if refused:
        with pytest.raises(Malformed, match="parameter block 1"):
            machine.run(inputs)
    else:
        np.testing.assert_array_equal(machine.run(inputs)["y"], [first, first + 1])
    with pytest.raises(Malformed, match="parameter block 1"):
        Program.load(path, check="all")


@PATHS
@pytest.mark.parametrize(
    ("ids", "refused"), [([5, 7], False), ([5, -1], True), ([WORDS - 9] * 2, True)]
)
def test_a_gather_is_refused_if_a_row_lies_in_the_damaged_block(
    tmp_path: Path, ids: list[int], refused: bool, reference: bool
):
    path = tmp_path / "p.lpu"
    _reading(_gathering()).write(path)
    _flip(path, -4 * 1000)
    machine = Interpreter(Program.load(path), reference=reference)
    inputs = {"ids": np.array(ids)}
    if refused:
        with pytest.raises(Malformed, match="parameter block 1"):
            machine.run(inputs)
    else:
        np.testing.assert_array_equal(machine.run(inputs)["y"], ids)


def test_damage_is_never_signed(tmp_path: Path):
    """Neither by a copy nor by assembling the disassembly, though the run was told to trust."""
    path = tmp_path / "p.lpu"
    projection().write(path)
    _flip(path, -1)
    for check in ("used", "none"):
        loaded = Program.load(path, check)
        with pytest.raises(Malformed, match="parameter block 0"):
            loaded.write(tmp_path / "q.lpu")
        with pytest.raises(Malformed, match="parameter block 0"):
            disassemble(loaded)
    assert [p.name for p in tmp_path.iterdir()] == ["p.lpu"]


@pytest.mark.parametrize("table", ["PARAMDIGEST", "PARAMSUMS"])
def test_tables_of_blocks_are_covered_by_digests(tmp_path: Path, table: str):
    path = tmp_path / "p.lpu"
    projection().write(path)
    origin = Program.load(path).params_of().origin
    assert origin is not None
    wanted = origin.digests if table == "PARAMDIGEST" else origin.sums
    _flip(path, path.read_bytes().index(wanted))
    with pytest.raises(Malformed, match=f"section {table} does not match its digest"):
        Program.load(path)


def test_damaged_assembly_is_not_signed(tmp_path: Path):
    """The text says what its parameters are; who leaves that out means what stands there."""
    text = disassemble(projection())
    data = next(line for line in text.splitlines() if line.startswith(".param_base64"))
    changed = text.replace(data, data[:-10] + ("A" if data[-10] != "A" else "B") + data[-9:])
    with pytest.raises(Invalid, match=r"not those of \.param_sha256"):
        assemble(changed)
    stated = next(line for line in text.splitlines() if line.startswith(".param_sha256"))
    assemble(changed.replace(stated, "")).write(tmp_path / "p.lpu")
    Program.load(tmp_path / "p.lpu", check="all")


@PATHS
@pytest.mark.parametrize("size", [0, 5000])
@pytest.mark.skipif(not mapping.IS_GUARDED, reason="elsewhere a bus error ends the process")
def test_a_file_that_is_cut_while_it_runs_is_an_error(
    tmp_path: Path, size: int, reference: bool, monkeypatch: pytest.MonkeyPatch
):
    """After its parameters were verified, before they are used."""
    monkeypatch.setattr(mapping, "COPIED_BYTES", 0)
    path = tmp_path / "p.lpu"
    projection().write(path)
    assert path.stat().st_size > 5000

    def cut(run: Run) -> None:
        if isinstance(run.code.instructions[run.pc], Vecmat):
            os.truncate(path, size)

    machine = Interpreter(Program.load(path), on_step=cut, reference=reference)
    with pytest.raises(Malformed, match=r"p\.lpu: was changed while it was in use"):
        machine.run({"x": tokens(2)})


@PATHS
def test_a_small_file_may_be_cut_while_it_runs(tmp_path: Path, reference: bool):
    path = tmp_path / "p.lpu"
    projection().write(path)
    machine = Interpreter(Program.load(path), reference=reference)
    os.truncate(path, 0)
    y = machine.run({"x": tokens(2)})["y"]
    np.testing.assert_allclose(y, expected(tokens(2)), rtol=1e-5, atol=1e-5)
