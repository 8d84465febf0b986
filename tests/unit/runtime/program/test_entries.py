"""Entries of a program: lookup, files and text, validation, symbols given by value."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from runtime.errors import Invalid, Malformed, Unlinkable
from runtime.isa import Halt, Li
from runtime.numerics.elements import ElementType
from runtime.program.assembly import assemble, disassemble
from runtime.program.interface import Dim, Interface, Port, Symbol
from runtime.program.interface_json import entries_from_json, entries_to_json
from runtime.program.program import Program
from tests.unit.runtime.program.programs import program, projection

I64 = ElementType.I64
TOKENS = Port("tokens", I64, I64, (Dim(0, (("prompt", 1),)),), (1,), 1024, "tokens")
GENERATE = Interface(
    (TOKENS,), (), (Symbol("prompt", 1, 1, 9), Symbol("total", 2, 1, 10)), 0, 1024, 4096, pc=2
)
IDS = {"tokens": np.arange(3)}


def two_entries(**change: object) -> Program:
    """`step` stops at once; `generate` starts behind it."""
    made = program([Li(1, 1), Halt(), Li(2, 2), Halt()])
    other = dataclasses.replace(GENERATE, **change)  # type: ignore[arg-type]
    return dataclasses.replace(made, others=(("generate", other),))


def test_an_entry_is_found_by_name() -> None:
    made = two_entries()
    assert made.entry("step") is made.interface
    assert made.entry("generate") == GENERATE
    with pytest.raises(Unlinkable, match="expected one of the entries step, generate"):
        made.entry("train")


def test_the_file_and_the_text_hold_all_entries(tmp_path: Path) -> None:
    made = two_entries()
    made.write(tmp_path / "p.lpu")
    loaded = Program.load(tmp_path / "p.lpu")
    assert loaded == made
    text = disassemble(loaded)
    assert '; entry "generate"\n' in text
    assemble(text).write(tmp_path / "q.lpu")
    assert (tmp_path / "q.lpu").read_bytes() == (tmp_path / "p.lpu").read_bytes()


def test_step_comes_first_in_the_file() -> None:
    pairs = entries_to_json(two_entries().entries)
    assert entries_from_json(pairs) == two_entries().entries
    for data in ([], pairs[1:], pairs[::-1], dict(pairs), [["step"]], json.dumps(pairs)):
        with pytest.raises(Malformed):
            entries_from_json(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pc": 99}, "'generate' starts at 99, where no instruction is"),
        ({"pc": -1}, "where no instruction is"),
        ({"arena_size": 8192}, "'generate' and 'step' differ in the size of memory"),
        ({"symbols": GENERATE.symbols[1:]}, "unknown symbol 'prompt'"),
        ({"symbols": (Symbol("prompt", 1, 1, 999),)}, "does not lie in the arena"),
        ({"registers": ((2, 0),)}, "r2"),
    ],
)
def test_every_entry_is_validated(change: dict[str, object], message: str) -> None:
    made = two_entries(**change)
    with pytest.raises(Invalid, match=message):
        made.validate()


def test_an_entry_starts_at_an_instruction_not_inside_one() -> None:
    made = projection()
    wide = next(at for at, inst in enumerate(made.code) if inst.WORDS == 2)
    entry = dataclasses.replace(made.interface, pc=wide + 1)
    with pytest.raises(Invalid, match="where no instruction is"):
        dataclasses.replace(made, others=(("generate", entry),)).validate()


@pytest.mark.parametrize("name", ["step", ""])
def test_names_of_entries_are_distinct(name: str) -> None:
    made = dataclasses.replace(two_entries(), others=((name, GENERATE),))
    with pytest.raises(Invalid, match="stands twice or has no name"):
        made.validate()


def test_values_give_what_no_shape_determines() -> None:
    assert GENERATE.bind(IDS, {"total": 5}) == {"prompt": 3, "total": 5}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (None, "total: expected an input whose shape gives it, or a value"),
        ({"total": 11}, "total: expected 1 to 10"),
        ({"total": 5, "prompt": 4}, r"tokens: expected .*\[4\], got \[3\]"),
        ({"total": 5, "heads": 4}, "heads: expected one of the symbols prompt, total"),
    ],
)
def test_values_that_do_not_fit(values: dict[str, int] | None, message: str) -> None:
    with pytest.raises(Unlinkable, match=message):
        GENERATE.bind(IDS, values)
