"""Every field of every instruction is decoded at its limits, and refused one beyond them.

The places and limits below are those of the reference by hand; words are made byte by byte.
"""

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import Any, NamedTuple

import pytest

from runtime.errors import Malformed
from runtime.isa import ISA, Inst
from runtime.isa.encoding import decode, encode_one
from tests.unit.runtime.isa.test_encoding import legal, sampled


class Number(NamedTuple):
    """Bits `shift` to `shift + width - 1` of the word, read as a number from `low` to `high`."""

    shift: int
    width: int
    low: int
    high: int
    signed: bool = False


def _register(byte: int, low: int = 0) -> Number:
    return Number(8 * byte, 8, low, 255)


def _signed(byte: int, size: int, low: int | None = None) -> Number:
    bits = 8 * size
    return Number(
        8 * byte, bits, -(1 << bits - 1) if low is None else low, (1 << bits - 1) - 1, True
    )


def _names(count: int) -> Number:
    return Number(8, 8, 0, count - 1)


RD, RA, RB = _register(1, low=1), _register(2), _register(3)
IMM32, PLACE = _signed(4, 4), _signed(8, 8, low=0)
EXTENTS = {f"extents.{k}": _register(4 + k) for k in range(4)}
STEPS = {f"steps.{k}": _register(14 + k) for k in range(4)}
SLOT3 = {"limit": _register(23), "rowstride": _register(24)}


def _operand(name: str, slot: int) -> dict[str, Number]:
    at = 8 + 5 * slot
    strides = {f"{name}.strides.{k}": _register(at + 1 + k) for k in range(4)}
    return {
        f"{name}.type": Number(16 + 4 * slot, 4, 0, 7),
        f"{name}.base": _register(at),
        **strides,
    }


def _data(*names: str, skip: int = 0) -> dict[str, Number]:
    fields = [_operand(name, slot) for slot, name in enumerate(names, skip)]
    return EXTENTS | {key: number for field in fields for key, number in field.items()}


FIELDS: dict[str, dict[str, Number]] = {
    "halt": {},
    "li": {"rd": RD, "value": _signed(8, 8)},
    "mov": {"rd": RD, "ra": RA},
    **{name: {"rd": RD, "ra": RA, "rb": RB} for name in ("add", "sub", "mul", "min", "max")},
    "addi": {"rd": RD, "ra": RA, "imm": IMM32},
    "muli": {"rd": RD, "ra": RA, "imm": IMM32},
    "divi": {"rd": RD, "ra": RA, "imm": _signed(4, 4, low=1)},
    "loop": {"rd": RD, "rb": RB, "step": IMM32, "target": PLACE},
    "bge": {"ra": RA, "rb": RB, "target": PLACE},
    "jump": {"target": PLACE},
    "lds": {"rd": RD, "address": PLACE},
    "sts": {"ra": RA, "address": PLACE},
    "out": {"ra": RA},
    "load": _data("dst", "src"),
    "store": _data("dst", "src"),
    "stream": _data("src", skip=1),
    "gather": _data("dst", "src", "idx") | SLOT3,
    "scatter": _data("dst", "src", "idx") | SLOT3 | {"fn": _names(5)},
    "vecmat": _data("dst", "x") | {"accumulate": Number(224, 1, 0, 1)},
    "send": _data("src") | {"side": _names(2)},
    "recv": _data("dst") | {"side": _names(2)},
    "map1": _data("dst", "a") | {"fn": _names(21)},
    "map2": _data("dst", "a", "b") | {"fn": _names(19)},
    "select": _data("dst", "cond", "a", "b"),
    "cast": _data("dst", "a"),
    "copy": _data("dst", "a"),
    "fill": _data("dst") | {"value": _register(13)},
    "iota": _data("dst") | {"start": _register(13)} | STEPS,
    "reduce": _data("dst", "a")
    | {"fn": _names(4), "axes": Number(224, 4, 1, 15), "accumulate": Number(228, 1, 0, 1)},
    "scan": _data("dst", "a", "carry") | {"exclusive": Number(224, 1, 0, 1)},
    "topk": _data("dst", "indices", "a") | {"k": _register(23), "largest": _register(24)},
}  # fmt: skip
NAMED = ("fn", "side")
NAMES = [
    (mnemonic, name) for mnemonic, numbers in FIELDS.items() for name in NAMED if name in numbers
]


def _words(mnemonic: str) -> int:
    """Some legal instruction as a number."""
    cls = ISA[mnemonic]
    return int.from_bytes(encode_one(sampled(cls, legal(cls)[0])), "little")


def _with(word: int, field: Number, value: int) -> int:
    mask = (1 << field.width) - 1
    return word & ~(mask << field.shift) | (value & mask) << field.shift


def _decoded(mnemonic: str, word: int) -> Inst:
    (inst,) = decode(word.to_bytes(16 * ISA[mnemonic].WORDS, "little"))
    return inst


def _value(inst: Inst, name: str) -> Any:
    """The number that a field of an instruction stands for."""
    found: Any = inst
    for part in name.split("."):
        found = found[int(part)] if part.isdigit() else getattr(found, part)
    if name in NAMED:
        choices = next(f.kind for f in inst.LAYOUT if f.name == name)
        return choices.names.index(found)
    return found.code if name.endswith(".type") else int(found)


def test_every_field_is_here() -> None:
    found = {m: sorted({name.split(".")[0] for name in numbers}) for m, numbers in FIELDS.items()}
    assert found == {m: sorted(f.name for f in cls.LAYOUT) for m, cls in ISA.items()}


@pytest.mark.parametrize("mnemonic", FIELDS)
def test_limits_are_decoded(mnemonic: str) -> None:
    """Types and functions only where the combination is legal at all."""
    word = _words(mnemonic)
    for name, field in FIELDS[mnemonic].items():
        may_be_illegal = name in NAMED or name.endswith(".type")
        for value in (field.low, field.high):
            with suppress(Malformed) if may_be_illegal else nullcontext():
                found = _value(_decoded(mnemonic, _with(word, field, value)), name)
                assert found == value, name


@pytest.mark.parametrize(("mnemonic", "name"), NAMES)
def test_every_name_up_to_the_last_is_decoded(mnemonic: str, name: str) -> None:
    field, met = FIELDS[mnemonic][name], set[int]()
    for named in legal(ISA[mnemonic]):
        word = int.from_bytes(encode_one(sampled(ISA[mnemonic], named)), "little")
        met.add(word >> field.shift & (1 << field.width) - 1)
        assert _value(_decoded(mnemonic, word), name) == word >> field.shift & 255
    assert met == set(range(field.high + 1))


def _beyond(field: Number) -> Iterator[int]:
    """The numbers next to a field's limits that its bits hold."""
    half = 1 << field.width - field.signed
    for value in (field.low - 1, field.high + 1):
        if -half * field.signed <= value < half:
            yield value


def _is_decoded(mnemonic: str, word: int) -> bool:
    try:
        return bool(_decoded(mnemonic, word))
    except Malformed:
        return False


@pytest.mark.parametrize("mnemonic", FIELDS)
def test_one_beyond_is_malformed(mnemonic: str) -> None:
    """Where the bits of the field hold it at all."""
    word, fields = _words(mnemonic), FIELDS[mnemonic]
    assert not [
        (name, value)
        for name, field in fields.items()
        for value in _beyond(field)
        if _is_decoded(mnemonic, _with(word, field, value))
    ]


@pytest.mark.parametrize("mnemonic", sorted(FIELDS))
def test_every_bit_that_no_field_has_must_be_zero(mnemonic: str) -> None:
    used = 0xFF
    for field in FIELDS[mnemonic].values():
        used |= ((1 << field.width) - 1) << field.shift
    word = _words(mnemonic)
    for bit in range(128 * ISA[mnemonic].WORDS):
        if not used >> bit & 1:
            with pytest.raises(Malformed):
                _decoded(mnemonic, word | 1 << bit)


def test_every_other_opcode_is_malformed() -> None:
    known = {cls.OPCODE for cls in ISA.values()}
    for opcode in set(range(256)) - known:
        with pytest.raises(Malformed, match="unknown opcode"):
            decode(bytes([opcode]) + bytes(31))
