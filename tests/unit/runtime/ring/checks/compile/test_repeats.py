"""Layers that are written out are walked a few times only, and proved as if each were walked."""

from __future__ import annotations

import dataclasses
from itertools import islice

import pytest

from runtime.errors import Invalid
from runtime.isa.instructions.ctrl import Addi, Li, Muli
from runtime.program.program import Program
from runtime.ring.checks.compile import Proof, Rule, Unproved, effects, flow, prove
from tests.unit.runtime.ring.checks.compile import programs as p
from tests.unit.runtime.ring.checks.compile.mutations import mutants

LAYERS, CHANGED = 40, 23


def _layer(number: int) -> list[str]:
    """A gather of what lies in HBM and passes through places of the LMU that differ by layer."""
    return [
        f"li r83, {64 * number}", f"li r{84 + number % 3}, {(1 << 16) + 64 * number}",
        f"load {p.extents()}, {p.view(84 + number % 3)}, {p.view(83)}",
        p.own(84 + number % 3), *p.hops(4), *p.used(4),
        f"map1.neg {p.extents()}, {p.view(72)}, {p.view(84 + number % 3)}",
    ]  # fmt: skip


def _layers(first: int, end: int) -> list[str]:
    return [line for number in range(first, end) for line in _layer(number)]


def _program() -> Program:
    return p.program(4, [*p.slots(4), *_layers(0, LAYERS)])


def _verdict(program: Program) -> Proof | tuple[Rule, tuple[int, ...]]:
    try:
        return prove(program)
    except Unproved as refused:
        return refused.rule, refused.instructions


def test_few_of_many_layers_are_walked(monkeypatch: pytest.MonkeyPatch):
    walked: list[int] = []
    receive = effects.received
    monkeypatch.setattr(
        effects, "received", lambda at, *rest: walked.append(at) or receive(at, *rest)
    )
    assert prove(_program()) == Proof(4, {"step": 3 * LAYERS}, 1, LAYERS)
    assert len(walked) < 3 * LAYERS / 4


def test_a_change_of_a_layer_is_judged_as_if_all_were_walked(monkeypatch: pytest.MonkeyPatch):
    good = _program()
    start = len(p.program(4, [*p.slots(4), *_layers(0, CHANGED)]).code) - 1
    layer = range(start, start + len(_layer(0)))
    some = [mutant.program for mutant in islice(mutants(good, layer), 0, None, 11)]
    valid = [program for program in some if _is_valid(program)]
    found = [_verdict(program) for program in valid]
    monkeypatch.setattr(flow, "runs_of", lambda code, joints: {})
    assert found == [_verdict(program) for program in valid]
    rules = {verdict[0] for verdict in found if isinstance(verdict, tuple)}
    assert {Rule.CONTENT, Rule.PAIRING} <= rules
    assert any(isinstance(verdict, Proof) for verdict in found)


def _is_valid(program: Program) -> bool:
    try:
        program.validate()
    except Invalid:
        return False
    return True


def test_an_address_of_a_late_layer_that_meets_slots_is_seen():
    good = _program()
    code = list(good.code)
    code[code.index(Li(84, (1 << 16) + 64 * 36))] = Li(84, p.Y + 4 * 64 - 32)
    with pytest.raises(Unproved) as refused:
        prove(dataclasses.replace(good, code=tuple(code)))
    assert refused.value.rule is Rule.MIXTURE


def test_a_late_layer_that_writes_to_an_address_of_each_device_is_seen():
    """What it reads there later are the bytes of its own device on one device only."""
    good = _program()
    code = list(good.code)
    address = Li(84, (1 << 16) + 64 * 36)
    at = code.index(address)
    aside = [Muli(84, 1, 64), Addi(84, 84, address.value)]
    here = [*code[:at], *aside, code[at + 1], address, *code[at + 2 :]]
    with pytest.raises(Unproved) as refused:
        prove(dataclasses.replace(good, code=tuple(here)))
    assert refused.value.rule is Rule.CONTENT
