"""The program says what the module says: interface, parameters, provenance, branch targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dialects.lpu.weights import Cast, FileRange, Reshape, Transpose, Weight, inline, read
from lpuc.compiler.emit import emit_program, program_in_memory
from lpuc.compiler.parameters import parameter_pieces
from runtime.isa import Bge, Fill, Loop
from runtime.isa.encoding import word_addresses
from runtime.numerics.elements import ElementType
from runtime.program.interface import Dim, Port, Symbol
from runtime.program.program import Program
from runtime.run.interpreter import Interpreter
from runtime.weights.streaming import pieces as streaming
from tests.unit.backend.harness import BACKEND, compiled, context, parse

F32 = ElementType.F32
TEXT = """
func.func @step(%x : !lpu_mem.buffer<hbm, f16, 64>) attributes {
    lpu.symbols = #lpu.symbols<[P in 0 to 7, Q in 1 to 3]>,
    lpu_mem.inputs = [#lpu_mem.port<"a\\\\u00e9\\\\\\22", past, f32, [P + 1, Q], [8, 1], 4>],
    lpu_mem.outputs = [#lpu_mem.port<"y", data, f32, [2], [1], 0>]} {
  %w = lpu_mem.param <file("w.bin", 4, [2], f32)> : !lpu_mem.buffer<hbm, f32, 2>
  %v = lpu_mem.param <inline("0000803f", [1], f32)> : !lpu_mem.buffer<hbm, f32, 1>
  %y = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 2>
  %t = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 2>
  lpu_mem.copy %t, %w <[2] {0: [1]} {0: [1]}>
    : !lpu_mem.buffer<lmu, f32, 2>, !lpu_mem.buffer<hbm, f32, 2>
  lpu_mem.copy %y, %t <[2] {0: [1]} {0: [1]}>
    : !lpu_mem.buffer<hbm, f32, 2>, !lpu_mem.buffer<lmu, f32, 2>
  lpu_mem.for "i" to <P> step 1 {
    %u = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 2>
    lpu_mem.fill "00000000" %u <[2] {0: [1]}> : !lpu_mem.buffer<lmu, f32, 2> loc("/a\\\\u00e9/Mul")
  }
  lpu_mem.return %y : !lpu_mem.buffer<hbm, f32, 2>
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder with one file of weights."""
    np.arange(5000, dtype=np.float32).tofile(tmp_path / "w.bin")
    return tmp_path


def test_ports_and_symbols(folder: Path):
    interface = compiled(parse(TEXT), folder).interface
    assert interface.symbols == (Symbol("P", 1, 0, 7), Symbol("Q", 2, 1, 3))
    (port,) = interface.inputs
    assert port == Port(
        name='aé"',
        dtype=ElementType.F32,
        storage=ElementType.F16,
        shape=(Dim(1, (("P", 1),)), Dim(0, (("Q", 1),))),
        strides=(8, 1),
        address=interface.arena_base + 8,
        role="past",
    )
    assert interface.outputs[0].storage is ElementType.F32
    assert interface.params_size == 68


def test_parameters_lie_at_their_addresses(folder: Path):
    params = compiled(parse(TEXT), folder).params_of().data
    np.testing.assert_array_equal(params[:8].view(np.float32), [1, 2])
    np.testing.assert_array_equal(params[64:68].view(np.float32), [1])


def test_instructions_name_their_nodes(folder: Path):
    program = compiled(parse(TEXT), folder)
    pc = {type(i): at for at, i in zip(word_addresses(program.code), program.code, strict=True)}
    assert program.provenance.nodes_at(pc[Fill]) == ("/aé/Mul",)


def test_branches_lead_to_word_addresses(folder: Path):
    program = compiled(parse(TEXT), folder)
    starts = word_addresses(program.code)
    for inst in program.code:
        if isinstance(inst, Loop | Bge):
            assert inst.target in starts
    program.validate()


def test_the_file_is_the_program(folder: Path):
    module = parse(TEXT)
    for step in BACKEND:
        step.apply(context(), module)
    path = folder / "model.lpu"
    written, pieces = emit_program(module, folder)
    assert not written.embedded
    written.write(path, pieces)
    loaded, direct = Program.load(path, check="all"), program_in_memory(module, folder)
    assert loaded.code == direct.code
    assert loaded.interface == direct.interface
    np.testing.assert_array_equal(loaded.params_of().data, direct.params_of().data)
    inputs = {'aé"': np.ones((3, 2), np.float32)}
    np.testing.assert_array_equal(Interpreter(loaded).run(inputs)["y"], [1, 2])


MATRIX = FileRange("w.bin", 8, (40, 100), F32)
WEIGHTS: dict[str, Weight] = {
    "file": MATRIX,
    "no elements": FileRange("w.bin", 8, (0, 4), F32),
    "inline": inline(np.arange(6, dtype=np.int64).reshape(2, 3)),
    "reshape": Reshape(MATRIX, (4000,)),
    "transpose": Transpose(MATRIX, (1, 0)),
    "transpose behind the first axis": Transpose(Reshape(MATRIX, (40, 10, 10)), (0, 2, 1)),
    "transpose of a vector": Transpose(Reshape(MATRIX, (4000,)), (0,)),
    "cast": Cast(MATRIX, ElementType.BF16),
    "cast of a transpose": Cast(
        Transpose(Reshape(MATRIX, (4, 10, 100)), (2, 0, 1)), ElementType.F16
    ),
    "reshape of a transpose": Reshape(Transpose(MATRIX, (1, 0)), (8, 500)),
    "scalar": inline(np.array(3, np.float32)),
}


@pytest.mark.parametrize("piece", [64, 1000, 1 << 20])
@pytest.mark.parametrize("name", WEIGHTS)
def test_pieces_make_up_the_weight(
    name: str, piece: int, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(streaming, "PIECE_BYTES", piece)
    monkeypatch.setattr(streaming, "TURNED_BYTES", piece)
    weight = WEIGHTS[name]
    pieces = [p for _, (p,) in parameter_pieces([(0, weight)], folder)]
    whole = np.ascontiguousarray(read(weight, folder))
    assert b"".join(p.tobytes() for p in pieces) == whole.tobytes()
    if name in ("file", "reshape", "transpose"):
        assert max(p.nbytes for p in pieces) <= max(piece, 400)


@pytest.mark.parametrize("address", [0, 64, 4032])
@pytest.mark.parametrize("name", WEIGHTS)
def test_pieces_lie_to_pages_as_in_the_program(
    name: str, address: int, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    """What lies so can be written without a copy."""
    monkeypatch.setattr(streaming, "PIECE_BYTES", 1000)
    monkeypatch.setattr(streaming, "TURNED_BYTES", 1000)
    for at, (piece,) in parameter_pieces([(address, WEIGHTS[name])], folder):
        assert (piece.ctypes.data - at) % 4096 == 0
