"""Dynamic extents, tile loops and spilled scalars compute what the IR says, on every machine."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from runtime.isa import Lds, Load, Loop, Sts
from runtime.isa.encoding import word_addresses
from runtime.run.interpreter import Interpreter
from runtime.target import PRESETS
from tests.unit.backend.harness import TARGETS, at_all_levels, compiled, parse
from tests.unit.backend.staging import staged

F32 = np.float32


def machine(folder: Path, registers: int) -> str:
    """A target like `lpu-tiny` with this number of registers, as a file."""
    text = (PRESETS / "lpu-tiny.toml").read_text("utf-8")
    path = folder / f"registers{registers}.toml"
    path.write_text(text.replace("registers = { value = 18", f"registers = {{ value = {registers}"))
    return str(path)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("rows", [0, 1, 5, 7])
def test_extents_come_from_the_shapes(rows: int, target: str):
    v = "{0: [3, 1]}"
    text = staged(
        [
            f'lpu_mem.map "neg" %y, %x <[P, 3] {v} {v}>',
            'lpu_mem.reduce "sum" %s, %x over <[0]> accumulate 0 <[P, 3] {0: [0, 1]} {0: [3, 1]}>',
        ],
        inputs={"x": ("f32", ["P", 3])},
        outputs={"y": ("f32", ["P", 3]), "s": ("f32", [3])},
        symbols={"P": (0, 7)},
    )
    x = np.arange(rows * 3, dtype=F32).reshape(rows, 3)
    for result in at_all_levels(text, {"x": x}, target):
        np.testing.assert_array_equal(result["y"], -x)
        np.testing.assert_array_equal(result["s"], x.sum(0))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("depth", [0, 1, 6])
def test_a_product_over_a_dynamic_axis(depth: int, target: str):
    text = staged(
        "lpu_mem.vecmat %y, %x, %w_h accumulate 0 <[P, 4] {0: [0, 1]} {0: [1, 0]} {0: [4, 1]}>",
        inputs={"x": ("f32", ["P"]), "w": ("f32", ["P", 4])},
        outputs={"y": ("f32", [4])},
        symbols={"P": (0, 6)},
    )
    x, w = np.arange(depth, dtype=F32), np.ones((depth, 4), F32)
    for result in at_all_levels(text, {"x": x, "w": w}, target):
        np.testing.assert_array_equal(result["y"], np.full(4, x.sum(), F32))


HBM, LMU = "!lpu_mem.buffer<hbm, f32, 4096>", "!lpu_mem.buffer<lmu, f32, 64>"


def nest(body: str, loops: list[tuple[str, str, int]], symbols: str) -> str:
    """A copy of `x` to `y` in tile loops, each a name, an upper bound and a step."""
    lines = [
        f"lpu_mem.for {name!r} to <{upper}> step {step} {{".replace("'", '"')
        for name, upper, step in loops
    ]
    port = "data, f32, [P, 512], [512, 1], 0>"
    return f"""
    func.func @step(%x : {HBM}) attributes {{lpu.symbols = #lpu.symbols<[{symbols}]>,
        lpu_mem.inputs = [#lpu_mem.port<"x", {port}], lpu_mem.outputs = [#lpu_mem.port<"y", {port}]
    }} {{
      %y = lpu_mem.alloc : {HBM}
      {" ".join(lines)}
        {body}
      {"}" * len(loops)}
      lpu_mem.return %y : {HBM}
    }}"""


TILES = f"""
  lpu_mem.min "p" = 2 or <P + -1*i>
  lpu_mem.min "a" = 3 or <8 + -1*j>
  lpu_mem.min "b" = 5 or <8 + -1*k>
  %t = lpu_mem.alloc : {LMU}
  lpu_mem.copy %t, %x
    <[p, a, b, 2] {{0: [30, 10, 2, 1]}} {{512*i + 64*j + 8*k + l: [512, 64, 8, 1]}}>
    : {LMU}, {HBM}
  lpu_mem.map "neg" %t, %t <[p, a, b, 2] {{0: [30, 10, 2, 1]}} {{0: [30, 10, 2, 1]}}> : {LMU}, {LMU}
  lpu_mem.copy %y, %t
    <[p, a, b, 2] {{512*i + 64*j + 8*k + l: [512, 64, 8, 1]}} {{0: [30, 10, 2, 1]}}>
    : {HBM}, {LMU}
"""
LOOPS = [("i", "P", 2), ("j", "8", 3), ("k", "8", 5), ("l", "8", 2)]


@pytest.mark.parametrize("registers", [14, 15, 17, 20, 32, 256])
@pytest.mark.parametrize("rows", [0, 1, 5, 8])
def test_short_tiles_and_few_registers(rows: int, registers: int, tmp_path: Path):
    x = np.arange(rows * 512, dtype=F32).reshape(rows, 512)
    target = machine(tmp_path, registers)
    for result in at_all_levels(nest(TILES, LOOPS, "P in 0 to 8"), {"x": x}, target):
        np.testing.assert_array_equal(result["y"], -x)


def test_few_registers_spill_and_many_do_not(tmp_path: Path):
    text = nest(TILES, LOOPS, "P in 0 to 8")
    for registers, spills in ((14, True), (256, False)):
        code = compiled(parse(text, machine(tmp_path, registers))).code
        assert any(isinstance(inst, Lds) for inst in code) == spills
        assert any(isinstance(inst, Sts) for inst in code) == spills


def test_loop_variables_in_slots_pass_to_the_next_turn_in_a_register(tmp_path: Path):
    """14 registers hold what one instruction needs and not much more; loops stay loops."""
    code = compiled(parse(nest(TILES, LOOPS, "P in 0 to 8"), machine(tmp_path, 14))).code
    at = dict(zip(word_addresses(code), code, strict=True))
    loops = [inst for inst in code if isinstance(inst, Loop)]
    kept = [inst for inst in loops if isinstance(at[inst.target], Sts)]
    assert len(loops) == 4
    assert kept
    assert all(at[inst.target].reads() == (inst.rd,) for inst in kept)


def random_nest(seed: int) -> tuple[str, int]:
    """Loops of random depth around loads from random affine places; the rows to run with."""
    rng = random.Random(seed)
    depth = rng.randint(1, 5)
    names = [f"i{n}" for n in range(depth)]
    uppers = rng.sample(["P", "3", "2", "1", "P + -6"], depth)
    loops = [(name, upper, rng.randint(1, 3)) for name, upper in zip(names, uppers, strict=True)]
    lines: list[str] = [f'lpu_mem.min "p" = {rng.randint(1, 3)} or <P + 1>']
    for number in range(rng.randint(1, 6)):
        chosen = rng.sample(names, rng.randint(0, depth))
        terms = [f"{rng.choice([1, 2, 8, 40])}*{name}" for name in chosen]
        offset = " + ".join([*terms, f"{rng.choice([1, 5])}*P", str(rng.randint(0, 9))])
        tile, out = f"%t{number}", f"<[p, 2] {{{offset}: [64, 1]}} {{0: [2, 1]}}>"
        inside = f"<[p, 2] {{0: [2, 1]}} {{{offset}: [64, 1]}}>"
        lines += [
            f"{tile} = lpu_mem.alloc : {LMU}",
            f"lpu_mem.copy {tile}, %x {inside} : {LMU}, {HBM}",
            f'lpu_mem.map "neg" {tile}, {tile} <[p, 2] {{0: [2, 1]}} {{0: [2, 1]}}> : {LMU}, {LMU}',
            f"lpu_mem.copy %y, {tile} {out} : {HBM}, {LMU}",
        ]
    text = nest("\n".join(lines), loops, "P in 0 to 8")
    block = "!lpu_mem.buffer<lmu, f32, 512>"
    zeros = f"""lpu_mem.for "c" to <8> step 1 {{
      %z = lpu_mem.alloc : {block}
      lpu_mem.fill "00000000" %z <[512] {{0: [1]}}> : {block}
      lpu_mem.copy %y, %z <[512] {{512*c: [1]}} {{0: [1]}}> : {HBM}, {block}
    }}"""
    made = f"%y = lpu_mem.alloc : {HBM}"
    return text.replace(made, f"{made}\n{zeros}"), 8


@pytest.mark.parametrize("registers", [14, 19, 32])
@pytest.mark.parametrize("seed", range(6))
def test_random_nests(seed: int, registers: int, tmp_path: Path):
    text, rows = random_nest(seed)
    x = np.arange(rows * 512, dtype=F32).reshape(rows, 512)
    first, *others = at_all_levels(text, {"x": x}, machine(tmp_path, registers))
    for result in others:
        np.testing.assert_array_equal(result["y"], first["y"])


def test_a_loop_that_cannot_run_costs_no_load():
    text = nest(TILES, [("i", "0", 2), *LOOPS[1:]], "P in 0 to 8")
    code = compiled(parse(text)).code
    assert not any(isinstance(inst, Load) for inst in code)


def test_programs_may_be_run_again():
    program = compiled(parse(nest(TILES, LOOPS, "P in 0 to 8")))
    interpreter = Interpreter(program)
    for rows in (3, 0, 8):
        x = np.ones((rows, 512), F32)
        np.testing.assert_array_equal(interpreter.run({"x": x})["y"], -x)
