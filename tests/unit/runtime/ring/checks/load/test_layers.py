"""Layers that are written out: a few are executed, and all are judged as if each were."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

import pytest

from runtime.isa.instructions.ctrl import Li
from runtime.isa.spec import Inst
from runtime.ring.checks import load
from runtime.ring.checks.load import Unsafe
from runtime.ring.checks.load.layers.again import Again
from runtime.ring.checks.load.links import Ends
from tests.unit.runtime.ring.checks.load.mutants import mutants
from tests.unit.runtime.ring.checks.load.rings import (
    Ring,
    code_of,
    hops,
    looped,
    own,
    places,
    read_all,
    whole,
)

LAYERS, CHANGED, PARTS = 20, 10, 40
WEIGHTS = 20480
"""Where in the LMU each layer has bytes of its own."""


def _layer(number: int) -> list[str]:
    """A gather of what lies in HBM and passes through places of the LMU that differ by layer."""
    at = 60 + number % 3
    row = f"f32 r{at}[r0,r0,r0,r4]"
    return [
        f"li r{at}, {WEIGHTS + 64 * number}",
        f"load (r1,r1,r1,r2), {row}, f32 r0[r0,r0,r0,r4]",
        f"copy (r1,r1,r1,r2), f32 r{PARTS}[r0,r0,r0,r4], {row}",
        *hops(4, PARTS),
        *read_all(4),
        f"map2.add (r1,r1,r1,r2), f32 r22[r0,r0,r0,r4], f32 r21[r0,r0,r0,r4], {row}",
        "map1.neg (r1,r1,r1,r2), f32 r22[r0,r0,r0,r4], f32 r22[r0,r0,r0,r4]",
        f"map2.mul (r1,r1,r1,r2), f32 r22[r0,r0,r0,r4], f32 r22[r0,r0,r0,r4], {row}",
    ]


def _layers() -> list[str]:
    return [line for number in range(LAYERS) for line in _layer(number)]


def _good() -> list[Inst]:
    return code_of(whole([*places(4, 4096, PARTS), *_layers()]))


def _verdict(code: Sequence[Inst]) -> object:
    try:
        Ring(4).check(code)
    except Unsafe as refused:
        return refused.rule, refused.pcs
    return None


def _whole(code: Sequence[Inst], monkeypatch: pytest.MonkeyPatch) -> object:
    """The verdict where nothing is left out."""
    with monkeypatch.context() as changed:
        changed.setattr(Again, "leave_out", lambda self, at, state: at)
        return _verdict(code)


def _sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []
    send = Ends.send
    monkeypatch.setattr(
        Ends, "send", lambda s, state, at, *r: found.append(at) or send(s, state, at, *r)
    )
    return found


def test_few_of_many_layers_are_executed(monkeypatch: pytest.MonkeyPatch):
    sent = _sent(monkeypatch)
    assert _verdict(_good()) is None
    assert len(sent) < 3 * LAYERS / 2


def test_few_are_executed_in_a_loop(monkeypatch: pytest.MonkeyPatch):
    sent = _sent(monkeypatch)
    assert _verdict(code_of(whole([*places(4, 4096, PARTS), *looped(_layers(), 3)]))) is None
    assert len(sent) < 3 * LAYERS


@pytest.mark.parametrize("others", [0, 3, 6])
def test_a_change_of_a_layer_is_judged_as_if_all_were_executed(
    others: int, monkeypatch: pytest.MonkeyPatch
):
    """Of layers that are changed alike there may be two, some others apart."""
    good = _good()
    first = len(code_of(whole([*places(4, 4096, PARTS)]))) - 1
    length = len(_layer(0))
    start = first + CHANGED * length
    between = good[start + length : start + others * length]
    before, after = good[:start], good[start + max(1, others + (others > 0)) * length :]
    rules: set[object] = set()
    changed = mutants(good[start : start + length], range(PARTS, PARTS + 4))
    for _, layer in islice(changed, others, None, 7):
        code = [*before, *layer, *between, *(layer if others else ()), *after]
        found = _verdict(code)
        assert found == _whole(code, monkeypatch)
        rules.add(found[0] if isinstance(found, tuple) else None)
    assert {None, "place", "bounds", "block", "cycle"} <= rules


FIELDS = {
    "type": ("(f)32", "f16"), "base": (r"f32 (r\d+)", "r41"), "extent": (r"(r2)\)", "r3"),
    "stride": (r"(r4)\]", "r3"), "function": (r"map2.(\w+)", "max"),
}  # fmt: skip
"""What is found once or several times in a line, and what stands there instead."""


def _others(line: str, field: str) -> list[str]:
    """A line with something else in one place, or in all of them if it is a type."""
    if line.startswith(("li", "send", "recv")):
        return []
    if field == "type":
        return [line.replace("f32", "f16")]
    pattern, new = FIELDS[field]
    spans = [match.span(1) for match in re.finditer(pattern, line)]
    return [line[:low] + new + line[high:] for low, high in spans]


@pytest.mark.parametrize("field", FIELDS)
def test_whatever_a_late_layer_computes_is_judged_as_if_all_were_executed(
    field: str, monkeypatch: pytest.MonkeyPatch
):
    """One field after the other, in one layer of many, of what is on no link."""
    layers = [_layer(number) for number in range(LAYERS)]
    layer, found = layers[CHANGED], list[object]()
    for at, line in enumerate(layer):
        for other in _others(line, field):
            changed = [*layer[:at], other, *layer[at + 1 :]]
            text = [*layers[:CHANGED], changed, *layers[CHANGED + 1 :]]
            code = code_of(
                whole([*places(4, 4096, PARTS), *(line for each in text for line in each)])
            )
            verdict = _verdict(code)
            assert verdict == _whole(code, monkeypatch), other
            found.append(verdict)
    assert any(found) is (field != "function")


@pytest.mark.parametrize("address", [4096 - 32, 4096 + 4 * 64 - 32])
def test_an_address_of_a_late_layer_that_meets_what_is_exchanged_is_seen(
    address: int, monkeypatch: pytest.MonkeyPatch
):
    code = _good()
    code[code.index(Li(60 + 17 % 3, WEIGHTS + 64 * 17))] = Li(60 + 17 % 3, address)
    found = _verdict(code)
    assert isinstance(found, tuple)
    assert found == _whole(code, monkeypatch)


def test_a_layer_that_reads_what_all_have_and_one_that_does_not_are_not_alike(
    monkeypatch: pytest.MonkeyPatch,
):
    """A branch behind the layers follows what the last one reads: of its own in the end."""
    alike = ["li r70, 24576", "fill (r1,r1,r1,r2), i32 r70[r0,r0,r0,r4], r1"]
    own = ["li r71, 28672", "load (r1,r1,r1,r2), i32 r71[r0,r0,r0,r4], i32 r0[r0,r0,r0,r4]"]
    lines: list[str] = []
    for number in range(LAYERS):
        address = 28672 if number == LAYERS - 2 else 24576
        kept = ["li r73, 30720", f"li r72, {address}"]
        copy = "copy (r1,r1,r1,r2), i32 r73[r0,r0,r0,r4], i32 r72[r0,r0,r0,r4]"
        add = "map2.add (r1,r1,r1,r2), i32 r74[r0,r0,r0,r4], i32 r73[r0,r0,r0,r4], "
        lines += [*_layer(number), *kept, copy, "li r74, 31744"]
        lines += [add + f"i32 r{74 if number else 73}[r0,r0,r0,r4]"]
    head = [*places(4, 4096, PARTS), *alike, *own]
    code = code_of(whole([*head, *lines, "lds r80, 31744", "bge r80, r1, A", "A: li r8, 1"]))
    found = _verdict(code)
    assert isinstance(found, tuple) and found[0] == "branch"
    assert found == _whole(code, monkeypatch)


def test_a_layer_that_loads_what_all_have_and_one_that_does_not_are_not_alike(
    monkeypatch: pytest.MonkeyPatch,
):
    """The same of bytes in HBM: parameters differ, what was stored there before does not."""
    row = "(r1,r1,r1,r2), i32 {}[r0,r0,r0,r4], i32 {}[r0,r0,r0,r4]"
    alike = ["li r70, 24576", "fill (r1,r1,r1,r2), i32 r70[r0,r0,r0,r4], r1"]
    for number in range(4):
        alike += [f"li r71, {1024 + 64 * number}", "store " + row.format("r71", "r70")]
    lines: list[str] = []
    for number in range(LAYERS):
        address = 0 if number == LAYERS - 3 else 1024 + 64 * (number % 4)
        load = [f"li r72, {address}", "load " + row.format("r73", "r72"), "li r74, 31744"]
        add = f"map2.add {row.format('r74', 'r73')}, i32 r{74 if number else 73}[r0,r0,r0,r4]"
        lines += [*_layer(number), "li r73, 30720", *load, add]
    head = [*places(4, 4096, PARTS), *alike]
    code = code_of(whole([*head, *lines, "lds r80, 31744", "bge r80, r1, A", "A: li r8, 1"]))
    found = _verdict(code)
    assert isinstance(found, tuple) and found[0] == "branch"
    assert found == _whole(code, monkeypatch)


def test_what_is_not_alike_after_all_is_executed_whole(monkeypatch: pytest.MonkeyPatch):
    calls: list[bool] = []
    walk = load.Walk

    def made(*args: object, shortens: bool = True) -> object:
        calls.append(shortens)
        return walk(*args, shortens=shortens)  # pyright: ignore

    monkeypatch.setattr(load, "Walk", made)
    own = ["li r71, 28672", "load (r1,r1,r1,r2), i32 r71[r0,r0,r0,r4], i32 r0[r0,r0,r0,r4]"]
    alike = ["li r70, 24576", "fill (r1,r1,r1,r2), i32 r70[r0,r0,r0,r4], r1"]
    lines: list[str] = []
    for number in range(LAYERS):
        address = 28672 if number == LAYERS - 3 else 24576 + number % 16 * 4
        copy = "copy (r1,r1,r1,r1), i32 r73[r0,r0,r0,r4], i32 r72[r0,r0,r0,r4]"
        lines += [*_layer(number), "li r73, 30720", f"li r72, {address}", copy]
    Ring(4).check_lines(whole([*places(4, 4096, PARTS), *alike, *own, *lines]))
    assert calls == [True, False]


OTHERS = {
    "of each device": ["muli r60, r10, 64", f"addi r60, r60, {WEIGHTS}"],
    "of what is exchanged, in part": [f"li r60, {4096 - 32}"],
    "of bytes that nobody wrote": ["li r60, 30720"],
    "of another layer": [f"li r60, {WEIGHTS}"],
}


@pytest.mark.parametrize("is_read", [False, True])
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_an_address_that_a_late_layer_makes_before_its_exchange_is_seen(
    other: list[str], is_read: bool, monkeypatch: pytest.MonkeyPatch
):
    """The code that uses it, behind the exchange, is that of the other layers."""
    lines: list[str] = []
    for number in range(LAYERS):
        made = [*other] if number == LAYERS - 3 else [f"li r60, {WEIGHTS + 64 * number}"]
        used = "map2.add (r1,r1,r1,r2), f32 r22[r0,r0,r0,r4], f32 r21[r0,r0,r0,r4], "
        copy = f"copy (r1,r1,r1,r2), f32 r{PARTS}[r0,r0,r0,r4], f32 r20[r0,r0,r0,r4]"
        made += ["map1.neg (r1,r1,r1,r2), f32 r25[r0,r0,r0,r4], f32 r60[r0,r0,r0,r4]"] * is_read
        lines += [copy, *made, *hops(4, PARTS), *read_all(4), used + "f32 r60[r0,r0,r0,r4]"]
    weights = [
        line
        for number in range(LAYERS)
        for line in (f"li r60, {WEIGHTS + 64 * number}", own()[1].replace("r20[", "r60["))
    ]
    head = [*own(), *places(4, 4096, PARTS), "li r25, 36864"]
    code = code_of(whole([*head, *weights, *lines]))
    found = _verdict(code)
    assert found == _whole(code, monkeypatch)
    assert (found is None) is (str(WEIGHTS) in other[-1])


@pytest.mark.parametrize("other", ["li r2, 8", "addi r41, r41, 64", "li r2, 16"])
def test_a_late_exchange_that_finds_something_else_in_a_register_is_seen(
    other: str, monkeypatch: pytest.MonkeyPatch
):
    """All instructions are those of the other layers but for one that computes."""
    lines: list[str] = []
    for number in range(LAYERS):
        layer = _layer(number)
        at = next(at for at, line in enumerate(layer) if line.startswith("send"))
        back = "addi r41, r41, -64" if other.startswith("addi") else "li r2, 16"
        lines += [*layer[:at], *([other] if number == CHANGED else []), *hops(4, PARTS)]
        lines += [*([back] if number == CHANGED else []), *layer[at + len(hops(4, PARTS)) :]]
    code = code_of(whole([*places(4, 4096, PARTS), *lines]))
    found = _verdict(code)
    assert found == _whole(code, monkeypatch)
    assert (found is None) is (other == "li r2, 16")
