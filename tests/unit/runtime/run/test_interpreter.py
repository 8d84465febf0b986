"""Whole programs: loops, dynamic extents, traps with their place, poison between runs."""

import dataclasses
import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from runtime.device.memory import pieces
from runtime.errors import Invalid, Unlinkable
from runtime.isa import (
    Add,
    Addi,
    Bge,
    Fill,
    Halt,
    Inst,
    Lds,
    Li,
    Load,
    Map1,
    Mov,
    Operand,
    Store,
    Stream,
    Unit,
    Vecmat,
)
from runtime.numerics.elements import ElementType
from runtime.program.interface import Dim, Port, Symbol
from runtime.run.interpreter import Interpreter
from runtime.run.run import Run
from runtime.traps import Trap, TrapKind
from tests.unit.runtime.program.programs import (
    BOUND,
    F32,
    TARGET,
    K,
    expected,
    program,
    projection,
    row,
    tokens,
)


@pytest.mark.parametrize("rows", [1, 2, BOUND])
def test_projection(rows: int) -> None:
    x = tokens(rows)
    y = Interpreter(projection()).run({"x": x})["y"]
    np.testing.assert_allclose(y, expected(x), rtol=1e-5, atol=1e-5)


def test_runs_are_independent() -> None:
    interpreter = Interpreter(projection())
    first = interpreter.run({"x": tokens(3)})["y"]
    interpreter.run({"x": tokens(5)})
    np.testing.assert_array_equal(interpreter.run({"x": tokens(3)})["y"], first)


def test_no_numpy_warning_leaks() -> None:
    ops: list[Inst] = [Li(1, 1), Li(2, -1), Li(3, 1024), Fill((1, 1, 1, 1), Operand(F32, 0), 2)]
    ops += [Map1("log", (1, 1, 1, 1), Operand(F32, 0), Operand(F32, 0))]
    ops += [Store((1, 1, 1, 1), Operand(F32, 3), Operand(F32, 0)), Halt()]
    output = Port("y", F32, F32, (), (), 1024)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(Interpreter(program(ops, outputs=[output])).run({})["y"])


def test_storage_type_is_converted_at_the_interface() -> None:
    half = ElementType.F16
    inputs = [Port("x", F32, half, (Dim(2),), (3,), 1024)]
    outputs = [Port("y", F32, half, (Dim(2),), (3,), 1024)]
    x = np.array([0.1, 70000], np.float32)
    y = Interpreter(program([Halt()], inputs, outputs)).run({"x": x})["y"]
    np.testing.assert_array_equal(y, np.array([np.float16(0.1), np.inf], np.float32))


def _trap(code: list[Inst], outputs: Sequence[Port] = (), reference: bool = True) -> Trap:
    made = program([*code, Halt()], outputs=outputs)
    with pytest.raises(Trap) as caught:
        Interpreter(made, reference=reference).run({})
    return caught.value


ONE = (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (TrapKind.UNINITIALISED, [Add(2, 1, 3)]),
        (TrapKind.UNINITIALISED, [Mov(2, 3)]),
        (TrapKind.UNINITIALISED, [Map1("neg", ONE, Operand(F32, 0), Operand(F32, 3))]),
        (TrapKind.UNINITIALISED, [Map1("neg", ONE, Operand(F32, 0), Operand(F32, 0))]),
        (TrapKind.UNINITIALISED, [Li(2, 1024), Load(ONE, Operand(F32, 0), Operand(F32, 2))]),
        (TrapKind.OUT_OF_BOUNDS, [Li(2, 8192), Fill(ONE, Operand(F32, 2), 0)]),
        (TrapKind.OUT_OF_BOUNDS, [Li(2, -4), Fill(ONE, Operand(F32, 2), 0)]),
        (TrapKind.OUT_OF_BOUNDS, [Li(2, 99999), Load(ONE, Operand(F32, 0), Operand(F32, 2))]),
        (TrapKind.OUT_OF_BOUNDS, [Li(2, 4096), Fill((1, 1, 1, 2), row(0, 2), 0)]),
        (TrapKind.MISALIGNED, [Li(2, 2), Fill(ONE, Operand(F32, 2), 0)]),
        (TrapKind.MISALIGNED, [Li(2, 2), Fill((1, 1, 1, 2), row(0, 2), 0)]),
        (TrapKind.ILLEGAL, [Li(2, -2), Fill((1, 1, 1, 2), row(0, 1), 0)]),
    ],
)
@pytest.mark.parametrize("reference", [False, True])
def test_traps(kind: TrapKind, code: list[Inst], reference: bool) -> None:
    """Reading memory that was never written is what only the reference notices."""
    prefix: list[Inst] = [Li(1, 1)]
    if kind is TrapKind.UNINITIALISED and code[-1].UNIT is not Unit.ICP and not reference:
        Interpreter(program([*prefix, Li(3, 4), *code, Halt()])).run({})
        return
    trap = _trap(prefix + code, reference=reference)
    assert trap.kind is kind
    assert trap.pc is not None
    assert trap.nodes == ("a", "b")
    assert "(a, b)" in str(trap)


@pytest.mark.parametrize("reference", [False, True])
def test_parameters_are_read_only(reference: bool) -> None:
    code = [Li(1, 1), Fill(ONE, Operand(F32, 0), 0), Store(ONE, Operand(F32, 0), Operand(F32, 0))]
    weights = np.ones(4, np.float32)
    with pytest.raises(Trap, match="read-only parameters"):
        Interpreter(program([*code, Halt()], params=weights), reference=reference).run({})


def _streamed(address: int) -> list[Inst]:
    """Initialise the arena, stream its first 8 bytes, then store at `address`."""
    return [
        Li(1, 1), Li(2, 2), Li(3, 4), Li(4, 1024), Li(5, address), Li(6, 3),
        Fill((1, 1, 1, 6), row(0, 3), 0), Store((1, 1, 1, 6), row(4, 3), row(0, 3)),
        Stream((1, 1, 2, 1), Operand(F32, 4, (0, 0, 3, 0))),
        Store(ONE, Operand(F32, 5), Operand(F32, 0)),
        Vecmat((1, 1, 2, 1), Operand(F32, 0), Operand(F32, 0, (0, 0, 3, 0))),
    ]  # fmt: skip


@pytest.mark.parametrize("reference", [False, True])
def test_a_panel_keeps_what_it_held_when_it_was_streamed(reference: bool) -> None:
    """5 is stored where zeros were streamed, and the product is still that of zeros."""
    output = Port("y", F32, F32, (Dim(1),), (1,), 1040)
    code: list[Inst] = [
        *_streamed(1028)[:-2], Li(7, int(np.float32(5).view(np.int32))),
        Fill((1, 1, 1, 6), row(0, 3), 7), Store(ONE, Operand(F32, 5), Operand(F32, 0)),
        Vecmat((1, 1, 2, 1), Operand(F32, 0), Operand(F32, 0, (0, 0, 3, 0))),
        Li(8, 1040), Store(ONE, Operand(F32, 8), Operand(F32, 0)), Halt(),
    ]  # fmt: skip
    made = Interpreter(program(code, outputs=[output]), reference=reference)
    np.testing.assert_array_equal(made.run({})["y"], np.zeros(1, np.float32))


@pytest.mark.parametrize("reference", [False, True])
def test_queue_and_fifo_hold_what_the_definition_says(reference: bool) -> None:
    """Two waiting panels, one that is taken up, and the FIFO full of the one before."""
    small = replace(TARGET, fifo_bytes=8, queue_depth=2)
    stream = Stream((1, 1, 2, 1), Operand(F32, 4, (0, 0, 3, 0)))
    code = [*_streamed(1032)[:8], *[stream] * 4, Halt()]
    Interpreter(replace(program(code), target=small), reference=reference).run({})
    more = replace(program([*code[:-1], stream, Halt()]), target=small)
    with pytest.raises(Invalid, match="would block for ever"):
        Interpreter(more, reference=reference)


def test_streaming_what_was_never_written_traps() -> None:
    code = _streamed(1032)
    del code[7], code[8]
    assert _trap(code).kind is TrapKind.UNINITIALISED


def test_an_unwritten_output_traps() -> None:
    output = Port("y", F32, F32, (), (), 1024)
    assert "output 'y'" in _trap([], outputs=[output]).message


def test_the_fast_path_leaves_nothing_of_the_run_before() -> None:
    """What a run wrote, in the LMU and in the arena, reads as NaN in the next."""
    output = Port("y", F32, F32, (Dim(2),), (1,), 1024)
    flag = Port("flag", ElementType.I64, ElementType.I64, (), (), 2048)
    code: list[Inst] = [
        Li(1, 1), Li(2, 1024), Li(3, 2048), Li(5, 1028), Li(6, 64),
        Load(ONE, Operand(ElementType.I64, 0), Operand(ElementType.I64, 3)), Lds(4, 0),
        Bge(4, 1, 13), Fill(ONE, Operand(F32, 6), 0), Store(ONE, Operand(F32, 5), Operand(F32, 6)),
        Store(ONE, Operand(F32, 2), Operand(F32, 6)), Halt(),
    ]  # fmt: skip
    machine = Interpreter(program(code, [flag], [output]))
    for skip, expected_row in ((1, [np.nan, np.nan]), (0, [0, 0]), (1, [np.nan, np.nan])):
        y = machine.run({"flag": np.array(skip)})["y"]
        np.testing.assert_array_equal(y, np.array(expected_row, np.float32))


def test_pieces_are_the_bytes_of_a_view() -> None:
    memory = np.zeros(400, np.uint8)
    for shape, strides in (
        ((2, 3, 4), (160, 40, 4)), ((2, 3, 4), (48, 16, 4)), ((3, 1, 5), (50, 7, 2)), ((), ()),
        ((2, 0), (4, 4)), ((5, 2), (8, 4)),
    ):  # fmt: skip
        memory[:] = 0
        element = np.dtype(np.float32 if 2 not in strides else np.float16)
        array: np.ndarray = np.ndarray(shape, element, memory.data, 8, strides)
        array.view(element.str.replace("f", "i"))[...] = -1
        found = {byte for first, end in pieces(1008, array) for byte in range(first, end)}
        assert found == {1000 + int(i) for i in np.flatnonzero(memory)}
    assert not pieces(0, np.zeros((5000, 2), np.float32)[:, :1])


def test_rows_of_an_input_that_shrank_are_forgotten() -> None:
    """What lies between the rows of an input is NaN again, and what is written stays."""
    rows = Dim(0, (("rows", 1),))
    inputs = [Port("x", F32, F32, (Dim(2), rows), (4, 1), 1024)]
    outputs = [Port("y", F32, F32, (Dim(8),), (1,), 1024)]
    machine = Interpreter(program([Halt()], inputs, outputs, [Symbol("rows", 5, 1, 4)]))
    for count in (4, 2, 3):
        expected_rows = np.full((2, 4), np.nan, np.float32)
        expected_rows[:, :count] = 7
        y = machine.run({"x": np.full((2, count), 7, np.float32)})["y"]
        np.testing.assert_array_equal(y, expected_rows.reshape(8))


def test_zero_extents_touch_nothing() -> None:
    far, none = Operand(F32, 2), (0, 0, 0, 0)
    code: list[Inst] = [Li(2, 1 << 40), Load(none, far, far), Store(none, far, far)]
    code += [Map1("exp", none, far, far), Fill(none, far, 0), Halt()]
    Interpreter(program(code)).run({})


def test_observer_sees_every_instruction() -> None:
    seen: list[tuple[int, str]] = []
    code: list[Inst] = [Li(1, 1), Fill(ONE, Operand(F32, 0), 0), Addi(2, 1, 1), Halt()]

    def hook(run: Run) -> None:
        seen.append((run.pc, run.code.instructions[run.pc].MNEMONIC))

    Interpreter(program(code), on_step=hook).run({})
    assert seen == [(0, "li"), (1, "fill"), (3, "addi"), (4, "halt")]


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("x", {}),
        ("z", {"x": tokens(2), "z": tokens(2)}),
        ("x", {"x": tokens(2).astype(np.float64)}),
        ("x", {"x": tokens(2)[0]}),
        ("x", {"x": tokens(2)[:, :4]}),
        ("rows", {"x": tokens(BOUND + 1)}),
        ("rows", {"x": tokens(0)}),
    ],
)
def test_inputs_that_do_not_fit(name: str, inputs: dict[str, np.ndarray]) -> None:
    with pytest.raises(Unlinkable, match=r"expected .*, got ") as caught:
        Interpreter(projection()).run(inputs)
    assert caught.value.name == name


def test_derived_extents_and_limits() -> None:
    past = Dim(0, (("past", 1),))
    total = Dim(1, (("past", 1),))
    base = projection()
    cache = Port("cache", F32, F32, (past,), (1,), 3072)
    mask = Port("mask", ElementType.I64, ElementType.I64, (total,), (1,), 3584, limit=2)
    symbol = dataclasses.replace(base.interface.symbols[0], name="past", lower=0)
    interface = dataclasses.replace(
        base.interface, inputs=(mask, cache), outputs=(), symbols=(symbol,)
    )
    bind = interface.bind
    empty = np.zeros(0, np.float32)
    assert bind({"cache": empty, "mask": np.ones(1, np.int64)}) == {"past": 0}
    with pytest.raises(Unlinkable, match=r"\[past \+ 1\]|\[past\]"):
        bind({"cache": empty, "mask": np.ones(2, np.int64)})
    with pytest.raises(Unlinkable, match="values from 0 to 1, got 5"):
        bind({"cache": empty, "mask": np.full(1, 5)})


def test_messages_say_once_what_is_expected() -> None:
    fixed = Port("x", F32, F32, (Dim(2), Dim(3)), (3, 1), 3072)
    interface = dataclasses.replace(projection().interface, inputs=(fixed,), outputs=(), symbols=())
    with pytest.raises(Unlinkable, match=r"^x: expected \[2, 3\], got \[2, 4\]$"):
        interface.bind({"x": np.zeros((2, 4), np.float32)})
    with pytest.raises(Unlinkable, match=r"^z: expected one of the inputs x, got 'z'$"):
        interface.bind({"z": np.zeros((2, 3), np.float32)})


@pytest.mark.usefixtures("numpy_products")
def test_16_bit_panels_are_widened_once_within_the_cap() -> None:
    half = ElementType.F16
    weights = np.ones((4, K), np.float16)
    code: list[Inst] = [
        Li(1, 1), Li(2, K), Li(3, 4), Li(4, 2), Li(5, 2 * K), Li(6, 1024), Li(7, 64),
        Li(8, int(np.float16(2).view(np.int16))),
        Fill((1, 1, 1, 2), Operand(half, 0, (0, 0, 0, 4)), 8),
        Stream((1, 1, 2, 3), Operand(half, 0, (0, 0, 4, 5))),
        Vecmat((1, 1, 2, 3), Operand(half, 7, (0, 0, 0, 4)), Operand(half, 0, (0, 0, 4, 0))),
        Store((1, 1, 1, 3), Operand(half, 6, (0, 0, 0, 4)), Operand(half, 7, (0, 0, 0, 4))),
        Halt(),
    ]  # fmt: skip
    output = Port("y", F32, half, (Dim(4),), (1,), 1024)
    for cap, kept in ((1 << 20, 1), (8, 0)):
        made = Interpreter(program(code, outputs=[output], params=weights), widen_bytes=cap)
        for _ in range(2):
            np.testing.assert_array_equal(made.run({})["y"], np.full(4, 2 * K))
        with made.devices() as (device,):
            assert len(device.products.widening.kept) == kept
