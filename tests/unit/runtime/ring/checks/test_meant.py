"""What the code was meant to do: both checks see each by itself that it does something else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

import lpuc
from benchmarks.fuzz.ring import judging
from lpuc.cli import invoke
from runtime.errors import Invalid, Malformed
from runtime.isa import Copy, Inst, Li, Operand
from runtime.isa.fields import Memory, Register, Registers
from runtime.isa.meant import meant_from_json
from runtime.isa.spec import DataInst
from runtime.program.assembly import assemble, disassemble
from runtime.program.program import Program
from runtime.ring.checks.compile import Rule, Unproved, prove
from runtime.ring.checks.load import Unsafe

EXPORTS = Path(__file__).parents[5] / "samples/exports"
SHIFTED = range(8, 64)
"""Registers that change places, in pairs; none is that of a symbol."""


CHECKS = {"compile": judging.CHECKS["A"], "load": judging.CHECKS["B"]}
by_each_check = pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
Check = Callable[[Program], str]


pytestmark = pytest.mark.xdist_group("meant")
"""The program is compiled once, in one process."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A Llama for two devices; on a small machine scalars are spilled."""
    path = tmp_path_factory.mktemp("meant") / "p.lpu"
    made = lpuc.compile(
        EXPORTS / "llama.onnx", devices=2, weights="none", target="lpu-tiny",
        max_context=64, prompt_chunk=16,
    )  # fmt: skip
    made.save(path)
    return Program.load(path)


def _with(program: Program, at: int, *insts: Inst) -> Program:
    """The program with other instructions, as many words, in the place of one."""
    code = (*program.code[:at], *insts, *program.code[at + len(insts) :])
    changed = replace(program, code=code)
    changed.validate()
    return changed


def _renamed(inst: Inst) -> Inst:
    """An instruction on other registers."""

    def other(register: int) -> int:
        return register ^ 1 if register in SHIFTED else register

    fields: dict[str, object] = {}
    for field in inst.LAYOUT:
        value = getattr(inst, field.name)
        if isinstance(field.kind, Register):
            fields[field.name] = other(value)
        elif isinstance(field.kind, Registers):
            fields[field.name] = tuple(map(other, value))
        elif isinstance(field.kind, Memory):
            strides = tuple(map(other, value.strides))
            fields[field.name] = replace(value, base=other(value.base), strides=strides)
    return replace(inst, **fields)  # pyright: ignore[reportArgumentType, reportCallIssue]


def _moved(inst: Inst) -> Inst:
    """A scalar that is four more."""
    return replace(inst, value=inst.value + 4) if isinstance(inst, Li) else inst


@by_each_check
def test_what_was_meant_is_accepted_whatever_the_registers(program: Program, check: Check):
    assert program.meant.keys() == {"step", "prompt_chunk", "generate"}
    assert check(program) == ""
    renamed = replace(program, code=tuple(map(_renamed, program.code)))
    assert renamed.code != program.code
    assert check(renamed) == ""


def _sources(code: Sequence[Inst]) -> list[int]:
    return [at for at, inst in enumerate(code) if isinstance(inst, Copy)][::12]


@by_each_check
def test_what_is_put_into_a_block_is_what_was_meant(program: Program, check: Check):
    """Without that the checks of exchanges let it pass: all devices get the same wrong bytes."""
    found: set[str] = set()
    passed: list[Program] = []
    for at in _sources(program.code):
        changed = _changed_source(program, at)
        if changed.code != program.code:
            found.add(check(changed))
            passed += [changed] if not check(replace(changed, meant={})) else []
    assert passed
    assert "" not in found
    assert "meant" in found


@by_each_check
def test_numbers_anywhere_are_those_that_were_meant(program: Program, check: Check):
    places = [at for at, inst in enumerate(program.code) if isinstance(inst, Li)]
    for at in Random(5).sample(places, 6):
        try:
            changed = _with(program, at, _moved(program.code[at]))
        except Invalid:
            continue
        assert check(changed), program.code[at]


@by_each_check
def test_the_order_is_the_one_that_was_meant(program: Program, check: Check):
    """Of two instructions side by side that find the same numbers when they change places."""
    code = program.code
    pairs = [
        at
        for at, (one, other) in enumerate(pairwise(code))
        if isinstance(one, DataInst) and isinstance(other, DataInst) and one != other
    ]
    for at in Random(3).sample(pairs, 6):
        assert check(_with(program, at, code[at + 1], code[at])), (code[at], code[at + 1])


@by_each_check
def test_a_stretch_too_many_or_too_few_is_refused(program: Program, check: Check):
    step = program.meant["step"]
    for digests in (step[:-1], (*step, step[-1]), (*step[1:], step[0])):
        assert check(replace(program, meant={**program.meant, "step": digests})) == "meant"


def test_the_message_names_instructions_and_nodes(program: Program):
    changed = (_changed_source(program, at) for at in _sources(program.code))
    other = next(p for p in changed if {check(p) for check in CHECKS.values()} == {"meant"})
    with pytest.raises(Unproved, match="something else than was meant") as refused:
        prove(other)
    assert refused.value.rule is Rule.MEANT
    assert len(refused.value.instructions) == 2
    assert refused.value.nodes
    with pytest.raises(Unsafe, match="something else than was meant") as unsafe:
        other.check_ring()
    assert unsafe.value.nodes


def _changed_source(program: Program, at: int) -> Program:
    """The program with a copy that takes one element again and again."""
    inst = program.code[at]
    assert isinstance(inst, Copy)
    return _with(program, at, replace(inst, a=Operand(inst.a.type, inst.a.base)))


def test_text_carries_what_was_meant(program: Program):
    text = disassemble(program)
    assert assemble(text).meant == program.meant
    bare = "\n".join(line for line in text.splitlines() if not line.startswith(".meant"))
    assert not assemble(bare).meant


def test_who_changes_what_was_meant_leaves_the_line_out(
    program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    text = disassemble(program)
    line = next(line for line in text.splitlines() if " copy " in line)
    changed = text.replace(line, line[: line.rindex(" r")] + " r0[r0,r0,r0,r0]", 1)
    source = tmp_path / "p.s"
    source.write_text(changed)
    assert invoke(["asm", str(source), "-o", str(tmp_path / "p.lpu")]) == 1
    assert "several devices" in capsys.readouterr().err


def test_what_is_no_digest_is_malformed(program: Program):
    for wrong in ([], {"step": "00"}, {"step": ["zz"]}, {"step": [1]}, {"step": ["A" * 16]}):
        with pytest.raises(Malformed):
            meant_from_json(wrong)
    with pytest.raises(Invalid, match="meant to do"):
        replace(program, meant={"step": program.meant["step"]}).validate()
