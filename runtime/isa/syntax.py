"""One instruction as one line of text.

    li r4, 4096
    map2.mul (r0,r0,r0,r3), f32 r10[r0,r0,r0,r6], f32 r11[r0,r0,r0,r6], f32 r12[r0,r0,r0,r0]
    loop r4, r5, 1, L12

Fields stand in the order of the constructor; the function is part of the mnemonic, a branch target
is a label, flags are 0 or 1.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from runtime.isa.kinds import Choice, Integer
from runtime.isa.spec import ISA, Field, Inst


def is_target(field: Field) -> bool:
    """Whether a field holds a pc, written as a label."""
    return isinstance(field.kind, Integer) and field.kind.target


def show(inst: Inst) -> str:
    """The line of an instruction; targets appear as `L` and the pc."""
    mnemonic = inst.MNEMONIC
    parts: list[str] = []
    for field in inst.LAYOUT:
        text = field.kind.show(getattr(inst, field.name))
        if isinstance(field.kind, Choice):
            mnemonic += f".{text}"
        else:
            parts.append(text)
    return f"{mnemonic} {', '.join(parts)}".rstrip()


def usage(cls: type[Inst]) -> str:
    """The grammar of an instruction, for errors and the reference."""
    choice = [f.kind.usage for f in cls.LAYOUT if isinstance(f.kind, Choice)]
    mnemonic = f"{cls.MNEMONIC}.{{{choice[0]}}}" if choice else cls.MNEMONIC
    return f"{mnemonic} {', '.join(f.kind.usage for f in _operands(cls))}".rstrip()


def parse(line: str, labels: Mapping[str, int]) -> Inst:
    """The instruction of a line; raises ValueError with what was expected."""
    head, _, rest = line.partition(" ")
    mnemonic, _, fn = head.partition(".")
    cls = ISA.get(mnemonic)
    if cls is None:
        raise ValueError(f"unknown instruction {mnemonic!r}")
    match = _pattern(cls).fullmatch(rest.strip())
    if match is None or bool(fn) != any(isinstance(f.kind, Choice) for f in cls.LAYOUT):
        raise ValueError(f"expected: {usage(cls)}")
    values: dict[str, Any] = {}
    for field, text in zip(_operands(cls), match.groups(), strict=True):
        values[field.name] = _label(text, labels) if is_target(field) else field.kind.parse(text)
    values |= {f.name: fn for f in cls.LAYOUT if isinstance(f.kind, Choice)}
    return cls(**values)


def words_of(line: str) -> int:
    """Words the instruction of a line takes; 1 where it is unknown."""
    cls = ISA.get(re.split(r"[.\s]", line, maxsplit=1)[0])
    return 1 if cls is None else cls.WORDS


def _label(text: str, labels: Mapping[str, int]) -> int:
    if text not in labels:
        raise ValueError(f"unknown label {text!r}")
    return labels[text]


def _operands(cls: type[Inst]) -> list[Field]:
    return [f for f in cls.LAYOUT if not isinstance(f.kind, Choice)]


@cache
def _pattern(cls: type[Inst]) -> re.Pattern[str]:
    return re.compile(r"\s*,\s*".join(f"({f.kind.pattern})" for f in _operands(cls)))
