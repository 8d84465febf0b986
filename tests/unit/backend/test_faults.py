"""What goes wrong is said: in the IR's semantics as a fault, in a pass as a compile error."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from dialects.errors import CompileError
from dialects.lpu_mem.memory import MemoryFault
from dialects.lpu_mem.semantics import run_function
from passes.lpu_isa.allocate_registers import LpuIsaAllocateRegistersPass
from passes.lpu_mem.allocate import LpuMemAllocatePass
from tests.unit.backend.harness import context, function, parse
from tests.unit.backend.staging import staged
from tests.unit.backend.test_loops import machine

ROW = ("f32", [4])
X = {"x": np.arange(4, dtype=np.float32)}
T = "!lpu_mem.buffer<lmu, f32, 4>"


def run(text: str) -> None:
    run_function(function(parse(text)), X, Path())


def body(lines: str) -> str:
    return f"""
    func.func @step() attributes {{lpu_mem.inputs = [], lpu_mem.outputs = []}} {{
      {lines}
      lpu_mem.return :
    }}"""


def fault(lines: str) -> str:
    with pytest.raises(MemoryFault) as caught:
        run_function(function(parse(body(lines))), {}, Path())
    return str(caught.value)


def test_reading_what_nothing_wrote():
    copy = f'lpu_mem.copy %t, %t <[4] {{0: [1]}} {{0: [1]}}> : {T}, {T} loc("/norm/Mul")'
    message = fault(f"%t = lpu_mem.alloc : {T}\n{copy}")
    assert "lpu_mem.copy (/norm/Mul)" in message
    assert "reads elements that nothing wrote" in message


def test_an_allocation_in_a_loop_forgets_its_content():
    lines = f"""
      %k = lpu_mem.alloc : {T}
      lpu_mem.for "i" to <2> step 1 {{
        lpu_mem.min "n" = 1 or <1 + -1*i>
        %t = lpu_mem.alloc : {T}
        lpu_mem.fill "00000000" %t <[n] {{0: [1]}}> : {T}
        lpu_mem.copy %k, %t <[1] {{0: [1]}} {{0: [1]}}> : {T}, {T}
      }}"""
    assert "nothing wrote" in fault(lines)


def test_leaving_a_buffer():
    lines = f'%t = lpu_mem.alloc : {T}\nlpu_mem.fill "00000000" %t <[4] {{1: [1]}}> : {T}'
    assert "elements 1 to 4 leave a buffer of 4" in fault(lines)


def test_writing_a_weight():
    w = "!lpu_mem.buffer<hbm, f32, 1>"
    lines = f"""%w = lpu_mem.param <inline("0000803f", [1], f32)> : {w}
      lpu_mem.fill "00000000" %w <[1] {{0: [1]}}> : {w}"""
    assert "writes to a weight" in fault(lines)


def test_an_index_outside_its_dimension():
    text = staged(
        "lpu_mem.gather %y, %x_h, %i limit <3> row <1> <[1] {0: [1]} {0: [0]} {0: [1]}>",
        inputs={"x": ROW, "i": ("i64", [1])},
        outputs={"y": ("f32", [1])},
    )
    for index in (3, -4):
        with pytest.raises(MemoryFault, match="outside a dimension of 3"):
            run_function(function(parse(text)), X | {"i": np.array([index])}, Path())


def test_a_negative_extent():
    fill = f'lpu_mem.fill "00000000" %t <[i + -1] {{0: [1]}}> : {T}'
    lines = f'%t = lpu_mem.alloc : {T}\nlpu_mem.for "i" to <1> step 1 {{ {fill} }}'
    assert "negative extent" in fault(lines)


def test_buffers_in_one_place_disturb_each_other():
    text = staged(
        [
            'lpu_mem.fill "00000000" %z <[4] {0: [1]}>',
            'lpu_mem.map "neg" %y, %x <[4] {0: [1]} {0: [1]}>',
        ],
        inputs={"x": ROW},
        outputs={"y": ROW, "z": ROW},
    )
    module = parse(text)
    LpuMemAllocatePass().apply(context(), module)
    np.testing.assert_array_equal(run_function(function(module), X, Path())["y"], -X["x"])
    text = str(module).split("{\n", 1)[1].rsplit("}", 1)[0]
    wrong = parse(re.sub(rf"at \d+ : {T}", f"at 0 : {T}", text))
    assert (run_function(function(wrong), X, Path())["y"] != -X["x"]).any()


def compile_error(text: str, target: str) -> str:
    module = parse(text, target)
    with pytest.raises(CompileError) as caught:
        LpuMemAllocatePass().apply(context(), module)
    return str(caught.value)


def test_tiles_that_do_not_fit():
    big = "!lpu_mem.buffer<lmu, f32, 1922>"
    fill = f'lpu_mem.fill "00000000" %t <[8] {{0: [1]}}> : {big} loc("/lm_head/MatMul")'
    message = compile_error(body(f"%t = lpu_mem.alloc : {big}\n{fill}"), "lpu-tiny")
    assert message.startswith("/lm_head/MatMul: tiles of 7688 bytes do not fit into the 7680 bytes")
    assert message.endswith("by 8 bytes")


def test_a_model_that_does_not_fit():
    big = "!lpu_mem.buffer<hbm, f32, 30000000000>"
    fill = f'lpu_mem.fill "00000000" %t <[8] {{0: [1]}}> : {big}'
    message = compile_error(body(f"%t = lpu_mem.alloc : {big}\n{fill}"), "lpu-4nm")
    assert "120000000000 bytes of HBM, 16920784896 more than 'lpu-4nm' has" in message


def allocation_error(code: str, target: str = "lpu-4nm") -> str:
    module = parse(f"func.func @step() {{\n{code}\nlpu_isa.halt\n}}", target)
    with pytest.raises(CompileError) as caught:
        LpuIsaAllocateRegistersPass().apply(context(), module)
    return str(caught.value)


def test_a_register_that_nothing_wrote():
    assert allocation_error("lpu_isa.mov v0, v3") == "internal: v3 is read before it is written"


def test_an_instruction_that_needs_more_registers_than_there_are(tmp_path: Path):
    message = allocation_error("lpu_isa.add v2, v0, v1", machine(tmp_path, 3))
    assert message.startswith("an instruction needs 3 registers, 2 are free;")


def test_more_scalars_than_slots(tmp_path: Path):
    names = range(70)
    code = [f"lpu_isa.lds v{n}, {8 * n}" for n in names]
    code += ["lpu_isa.label @next", *(f"lpu_isa.sts v{n}, 0" for n in names)]
    message = allocation_error("\n".join(code), machine(tmp_path, 4))
    assert message == "internal: more than 64 scalars do not fit in registers"
