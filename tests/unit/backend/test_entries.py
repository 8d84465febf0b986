"""A module with several functions is one program with several entries."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from lpuc.compiler.emit import emit_program, program_in_memory
from runtime.isa import Bge, Halt, Jump, Li, Load, Loop
from runtime.isa.encoding import word_addresses
from runtime.program.interface import Dim, Symbol
from runtime.program.program import Program
from tests.unit.backend.harness import parse

MEMORY = """lpu_mem.params_size = 68 : i64, lpu_mem.arena_base = 128 : i64,
    lpu_mem.arena_size = 4096 : i64"""
STEP = f"""
func.func @step() attributes {{
    lpu.symbols = #lpu.symbols<[P in 0 to 7]>, {MEMORY},
    lpu_mem.inputs = [], lpu_isa.inputs = [],
    lpu_mem.outputs = [#lpu_mem.port<"y", data, f32, [P], [1], 0>],
    lpu_isa.outputs = [#lpu_isa.slot<f32 at 128>]}} {{
  lpu_isa.weight <inline("0000003f", [1], f32)> at 64
  lpu_isa.weight <inline("0000803f", [1], f32)> at 0
  lpu_isa.li r2, 1
  lpu_isa.li r3, 0
  lpu_isa.bge r0, r1, @end
  lpu_isa.label @head
  lpu_isa.load (r2, r2, r2, r2), f32 r0[r0, r0, r0, r0], f32 r0[r0, r0, r0, r0] loc("/Head")
  lpu_isa.loop r3, r1, 1, @head
  lpu_isa.label @end
  lpu_isa.halt
}}
"""
GENERATE = f"""
func.func @generate() attributes {{
    lpu.symbols = #lpu.symbols<[prompt in 1 to 7, total in 1 to 8]>, {MEMORY},
    lpu_mem.outputs = [], lpu_isa.outputs = [],
    lpu_mem.inputs = [#lpu_mem.port<"tokens", tokens, i64, [prompt], [1], 0>],
    lpu_isa.inputs = [#lpu_isa.slot<i64 at 256>]}} {{
  lpu_isa.weight <inline("0000803f", [1], f32)> at 0
  lpu_isa.li r3, 7
  lpu_isa.bge r1, r2, @end
  lpu_isa.label @head
  lpu_isa.loop r1, r2, 1, @head loc("/Head")
  lpu_isa.jump @end loc("/Tail")
  lpu_isa.label @end
  lpu_isa.halt
}}
"""


def emitted(text: str) -> Program:
    """The program of a module at level `lpu_isa`."""
    program, _ = emit_program(parse(text), Path())
    return program


@pytest.fixture(scope="module")
def program() -> Program:
    return emitted(GENERATE + STEP)


def test_step_stands_first_wherever_the_module_has_it(program: Program):
    assert program == emitted(STEP + GENERATE)
    assert [name for name, _ in program.entries] == ["step", "generate"]
    assert program.interface.pc == 0
    program.validate()


def test_an_entry_starts_at_the_first_instruction_of_its_function(program: Program):
    at = word_addresses(program.code).index(program.entry("generate").pc)
    assert program.code[at] == Li(3, 7)
    assert program.code[at - 1] == Halt()


def test_labels_belong_to_their_function(program: Program):
    starts = dict(zip(word_addresses(program.code), program.code, strict=True))
    goals = [starts[i.target] for i in program.code if isinstance(i, Loop | Bge | Jump)]
    loops = [i for i in program.code if isinstance(i, Loop)]
    load = next(i for i in program.code if isinstance(i, Load))
    assert goals == [Halt(), load, Halt(), loops[1], Halt()]
    ends = [i.target for i in program.code if isinstance(i, Bge)]
    assert ends[0] < program.entry("generate").pc < ends[1]


def test_ports_and_symbols_are_those_of_the_function(program: Program):
    step, generate = program.interface, program.entry("generate")
    assert step.symbols == (Symbol("P", 1, 0, 7),)
    assert [port.name for port in step.outputs] == ["y"]
    assert generate.symbols == (Symbol("prompt", 1, 1, 7), Symbol("total", 2, 1, 8))
    (tokens,) = generate.inputs
    assert (tokens.role, tokens.address, tokens.shape) == (
        "tokens", 256, (Dim(0, (("prompt", 1),)),),
    )  # fmt: skip


def test_provenance_covers_all_functions(program: Program):
    nodes = [program.provenance.nodes_at(pc) for pc in word_addresses(program.code)]
    assert [names for names in nodes if names] == [("/Head",), ("/Head",), ("/Tail",)]
    assert program.provenance.names == ("/Head", "/Tail")


def test_a_shared_weight_is_written_once():
    module = parse(GENERATE + STEP)
    _, pieces = emit_program(module, Path())
    assert [offset for offset, _ in pieces] == [0, 64]
    params = program_in_memory(module, Path()).params_of().data
    np.testing.assert_array_equal(params.view(np.float32)[[0, 16]], [1, 0.5])


def test_one_address_holds_one_weight():
    text = STEP + GENERATE.replace("0000803f", "00008040")
    with pytest.raises(AssertionError, match="two weights lie at 0"):
        emitted(text)


def test_functions_share_the_memory():
    text = STEP + re.sub("arena_size = 4096", "arena_size = 8192", GENERATE)
    with pytest.raises(AssertionError, match="differ in memory"):
        emitted(text)
