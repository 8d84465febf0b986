"""
A program file with one change in its code, interface, provenance, target or bounds.

Checksums, and as a rule the bounds that follow from the code, are made right again: what is to
refuse the file is its meaning.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields as fields_of
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from runtime.errors import RuntimeFault
from runtime.isa.encoding import decode, encode, word_addresses
from runtime.isa.fields import Operand, Register
from runtime.isa.instructions.ctrl import Bge, Jump, Loop
from runtime.isa.kinds import Choice, Integer
from runtime.isa.spec import Field, Inst
from runtime.numerics.elements import TYPES
from runtime.program import interface_json
from runtime.program.file.canonical import to_text
from runtime.program.file.container import Kind
from runtime.program.file.writing import write_file
from runtime.program.program import Program
from runtime.program.validation import validate
from runtime.target import Target
from runtime.weights.stored import together

Sections = dict[Kind, bytes]

NUMBERS = (
    -(2**63), -(2**31), -2, -1, 0, 1, 2, 3, 7, 8, 9, 64, 255, 256, 257, 4096, 2**20, 2**31 - 1,
    2**31, 2**32, 2**40, 2**61, 2**62, 2**63, 10**400, 0.5, 1e308, float("inf"), float("nan"),
)  # fmt: skip
TEXTS = ("", "\ud800", "\x1b[31m", "step", "logits", "\0", "a" * 5000, "f16", "i8", "ids", "data")
MANY, MANY_BYTES = 8000, 2 << 20


def mutate(program: Program, sections: Sections, rng: Random) -> tuple[str, Sections]:
    """What was changed, and the sections with the change."""
    changed = dict(sections)
    kind = rng.choices(
        (Kind.CODE, Kind.INTERFACE, Kind.PROVENANCE, Kind.TARGET, Kind.BOUNDS), (40, 35, 8, 15, 2)
    )[0]
    if kind is Kind.CODE:
        what, changed[kind] = _code(program.code, rng)
    else:
        what, changed[kind] = _json(sections[kind], rng)
    if kind is not Kind.BOUNDS:
        changed[Kind.BOUNDS] = _bounds(changed) or sections[Kind.BOUNDS]
    return f"{kind.name.lower()}: {what}", changed


def write(path: Path, sections: Sections, program: Program) -> None:
    """Write a program file of these sections."""
    write_file(path, sections, program.interface.params_size, together(program.embedded))


def _bounds(sections: Sections) -> bytes | None:
    """The bounds that follow from the sections, None where they are refused anyway."""
    try:
        code = decode(sections[Kind.CODE])
        entries = interface_json.entries_from_json(json.loads(sections[Kind.INTERFACE]))
        target = Target.from_json("target", json.loads(sections[Kind.TARGET]))
        return to_text(validate(code, entries, target).to_json()).encode()
    except (RuntimeFault, ValueError, OverflowError):
        return None


def _code(code: Sequence[Inst], rng: Random) -> tuple[str, bytes]:
    """One instruction changed, dropped, doubled, moved, made a branch, or some of its bits."""
    made, at = list(code), rng.randrange(len(code))
    way = rng.choices(("field", "drop", "double", "swap", "branch", "bits"), (8, 1, 1, 1, 3, 2))[0]
    where = f"{way} at pc {word_addresses(code)[at]}, {code[at].MNEMONIC}"
    if way == "field":
        made[at] = _other_field(code, at, rng)
    elif way == "drop":
        del made[at]
    elif way == "double":
        made.insert(at, made[at])
    elif way == "swap":
        other = rng.randrange(len(code))
        made[at], made[other] = made[other], made[at]
    elif way == "branch":
        made[at] = _branch(code, rng)
    raw = bytearray(encode(made))
    if way == "bits":
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return where, bytes(raw)


def _branch(code: Sequence[Inst], rng: Random) -> Inst:
    goal, registers = rng.choice(word_addresses(code)), [rng.randrange(1, 256) for _ in range(2)]
    step = rng.choice((-1, 0, 1, 1, 1, 2**31 - 1))
    return rng.choice((Jump(goal), Bge(*registers, goal), Loop(*registers, step, goal)))


def _other_field(code: Sequence[Inst], at: int, rng: Random) -> Inst:
    """The instruction with one field changed; itself where chance finds nothing legal."""
    inst = code[at]
    for _ in range(20):
        if not inst.LAYOUT:
            return inst
        field = rng.choice(inst.LAYOUT)
        old = getattr(inst, field.name)
        try:
            return replace(inst, **{field.name: _other(field, old, code, rng)})
        except (ValueError, TypeError):
            continue
    return inst


def _other(field: Field, old: Any, code: Sequence[Inst], rng: Random) -> Any:
    """Another value of a field, legal or not."""
    kind = field.kind
    if isinstance(kind, Choice):
        return rng.choice(kind.names)
    if isinstance(kind, Integer) and kind.target:
        return rng.choice(word_addresses(code))
    if isinstance(kind, Integer):
        return rng.choice((*NUMBERS[:26], old + 1, old - 1, 2 * old))
    if isinstance(kind, Register):
        return rng.randrange(256)
    if isinstance(old, bool):
        return not old
    if isinstance(old, Operand):
        return _other_operand(old, rng)
    if isinstance(old, tuple):
        return _one_changed(old, rng)
    return old ^ 1 << rng.randrange(4)


def _other_operand(old: Operand, rng: Random) -> Operand:
    name = rng.choice([field.name for field in fields_of(old)])
    if name == "type":
        return replace(old, type=rng.choice(TYPES))
    if name == "base":
        return replace(old, base=rng.randrange(256))
    return replace(old, strides=_one_changed(old.strides, rng))


def _one_changed(old: tuple[Any, ...], rng: Random) -> Any:
    made = list(old)
    made[rng.randrange(len(made))] = rng.randrange(256)
    return tuple(made)


def _json(data: bytes, rng: Random) -> tuple[str, bytes]:
    """JSON with one place changed; at times the spelling is another one, too."""
    tree: Any = json.loads(data)
    path, parent, key = _place(tree, rng)
    old = parent[key]
    parent[key] = _other_value(old, rng)
    if rng.random() < 0.1 and isinstance(parent, list):
        parent += [old] * min(rng.choice((1, MANY)), MANY_BYTES // len(to_text(old)))
        path += " many times"
    text = to_text(tree)
    return f"{path} {str(old)[:20]} to {str(parent[key])[:20]}", text.encode()


def _place(tree: Any, rng: Random) -> tuple[str, Any, Any]:
    """A place somewhere in a tree, deep ones as likely as the way there."""
    parent, key, path = [tree], 0, ""
    while True:
        value = parent[key]
        if not isinstance(value, list | dict) or not value or rng.random() < 0.1:
            return path, parent, key
        parent = value
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        path += f"/{key}"


def _other_value(old: Any, rng: Random) -> Any:
    roll = rng.random()
    if roll < 0.15:
        return rng.choice((None, [], {}, True, "", 0, [[]], [old], old))
    if isinstance(old, bool | None):
        return rng.choice(NUMBERS)
    if isinstance(old, int | float):
        near = (old + 1, old - 1, -old, 2 * old)
        return rng.choice(near) if roll < 0.5 and abs(old) < 2**70 else rng.choice(NUMBERS)
    if isinstance(old, str):
        return rng.choice((*TEXTS, old + "x"))
    if isinstance(old, list):
        return rng.choice((old[1:], old[::-1], [*old, *old], old * 40))
    return {key: value for key, value in old.items() if rng.random() < 0.8}
