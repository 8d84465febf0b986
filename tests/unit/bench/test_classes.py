"""Instructions by class: each has one, and what is counted is what was executed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from lpuc.bench.sides.classes import CLASSES, NAMES, Share, timed, typical
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from runtime.generation.device import Request
from runtime.generation.tokens import generate
from runtime.isa import ISA
from runtime.run.interpreter import Interpreter
from runtime.run.run import Run

MODEL = Path(__file__).parents[3] / "samples/exports/gpt2.onnx"


def test_each_instruction_has_a_class_that_fits() -> None:
    assert set(NAMES) == set(ISA.values())
    assert set(NAMES.values()) == set(CLASSES)
    names = {inst.__name__: name for inst, name in NAMES.items()}
    assert {names[n] for n in ("Vecmat",)} == {"product"}
    assert {names[n] for n in ("Reduce", "Scan", "TopK")} == {"reduction"}
    assert {names[n] for n in ("Map1", "Map2", "Cast", "Copy", "Fill")} == {"elementwise"}
    assert {names[n] for n in ("Load", "Store", "Stream", "Gather", "Send")} == {"transfer"}
    assert {names[n] for n in ("Li", "Loop", "Out", "Halt", "Lds")} == {"control"}


def test_what_is_counted_was_executed() -> None:
    """A generation that has begun is counted from its next token on, and no longer than asked."""
    program = compile_model(MODEL, CompileOptions(max_context=16)).in_memory
    seen: list[Counter[str]] = []

    def note(run: Run) -> None:
        inst = run.code.instructions[run.pc]
        seen[-1][NAMES[type(inst)]] += 1

    watched = generate(Interpreter(program, on_step=note), Request((1, 5, 9), 4))
    for _ in range(4):
        seen.append(Counter())
        next(watched)
    machine = Interpreter(program)
    tokens = generate(machine, Request((1, 5, 9), 4))
    tables = machine.code.steps, machine.code.blocks
    plain = [list(table) for table in tables]
    next(tokens)
    with timed(machine.code) as found:
        next(tokens)
        next(tokens)
    assert [list(table) for table in tables] == plain
    next(tokens)
    assert {name: len(times) for name, times in found.items()} == dict(seen[1] + seen[2])
    assert all(seconds > 0 for times in found.values() for seconds in times)


def test_what_disturbs_an_instruction_does_not_count() -> None:
    """In each token another one is disturbed, and one token executes one more."""
    tokens = [[9.0, 2.0, 1.0], [1.0, 9.0, 1.0], [1.0, 2.0, 9.0], [1.0, 2.0, 1.0, 5.0]]
    assert typical(tokens) == Share(3, 4.0)
