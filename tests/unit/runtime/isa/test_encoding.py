"""Bytes and text of instructions, both ways, for the whole table."""

from contextlib import suppress
from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.errors import Invalid, Malformed
from runtime.isa import ISA, Halt, Inst, Jump, Li, Map1, Map2, Operand
from runtime.isa.encoding import decode, distinct_of, encode, encode_one
from runtime.isa.fields import Memory, Register, Registers
from runtime.isa.kinds import Bits, Choice, Integer, Kind
from runtime.isa.syntax import parse, show
from runtime.numerics.elements import ElementType
from runtime.reference import page

F32 = ElementType.F32
REGISTER = st.integers(0, 255)
FOUR = st.tuples(REGISTER, REGISTER, REGISTER, REGISTER)


def _values(kind: Kind, element: ElementType) -> st.SearchStrategy[Any]:
    if isinstance(kind, Memory):
        return st.builds(Operand, st.just(element), REGISTER, FOUR)
    if isinstance(kind, Register):
        return st.integers(int(kind.is_written), 255)
    if isinstance(kind, Registers):
        return FOUR
    if isinstance(kind, Integer):
        return st.integers(kind.low, kind.high)
    assert isinstance(kind, Bits)
    low = int(kind.shift == 0)
    return st.booleans() if kind.width == 1 else st.integers(low, (1 << kind.width) - 1)


def _sample(kind: Kind, element: ElementType) -> Any:
    if isinstance(kind, Memory):
        return Operand(element, 0)
    if isinstance(kind, Registers):
        return (0, 0, 0, 0)
    return True if isinstance(kind, Bits) and kind.width == 1 else 1


@cache
def legal(cls: type[Inst]) -> list[dict[str, Any]]:
    """Every function and choice of element types that the constructor accepts."""
    choices = {f.name: f.kind.names for f in cls.LAYOUT if isinstance(f.kind, Choice)}
    typed = [f.name for f in cls.LAYOUT if isinstance(f.kind, Memory)]
    found: list[dict[str, Any]] = []
    for picked in product(*choices.values(), *[list(ElementType)] * len(typed)):
        named = dict(zip([*choices, *typed], picked, strict=True))
        with suppress(ValueError):
            sampled(cls, named)
            found.append(named)
    return found


def sampled(cls: type[Inst], named: dict[str, Any]) -> Inst:
    """The instruction of a function and element types whose other fields are small."""
    values = {
        f.name: named[f.name]
        if isinstance(f.kind, Choice)
        else _sample(f.kind, named.get(f.name, F32))
        for f in cls.LAYOUT
    }
    return cls(**values)


@st.composite
def instructions(draw: st.DrawFn, cls: type[Inst]) -> Inst:
    """Any legal instruction of a class."""
    named = draw(st.sampled_from(legal(cls)))
    values = {
        f.name: named[f.name]
        if isinstance(f.kind, Choice)
        else draw(_values(f.kind, named.get(f.name, F32)))
        for f in cls.LAYOUT
    }
    return cls(**values)


@pytest.mark.parametrize("mnemonic", sorted(ISA))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_round_trip(mnemonic: str, data: st.DataObject) -> None:
    inst = data.draw(instructions(ISA[mnemonic]))
    assert decode(encode([inst])) == (inst,)
    labels = {f"L{pc}": pc for pc in [getattr(inst, "target", 0)]}
    assert parse(show(inst), labels) == inst


def test_of_equal_words_there_is_one_object_which_is_found_by_its_number() -> None:
    code = [Li(1, 5), Halt(), Li(1, 5), Li(2, 5), Halt()]
    decoded = decode(encode(code))
    assert decoded == tuple(code)
    for found in (decoded, [*decoded], code):
        distinct, numbers = distinct_of(found)
        assert [distinct[number] for number in numbers] == code
        assert all(distinct[n] is inst for n, inst in zip(numbers, found, strict=True))
        assert len(distinct) == (5 if found is code else 3)


@given(raw=st.binary(min_size=16, max_size=64))
def test_any_bytes_decode_or_are_malformed(raw: bytes) -> None:
    """Hardly any that are drawn are an instruction; those of the next test are near to one."""
    with suppress(Malformed):
        assert encode(decode(raw)) == raw


@pytest.mark.parametrize("mnemonic", sorted(ISA))
def test_a_flipped_bit_is_malformed_or_decodes_to_what_has_these_bytes(mnemonic: str) -> None:
    raw, decoded = encode_one(sampled(ISA[mnemonic], legal(ISA[mnemonic])[0])), 0
    for bit in range(8 * len(raw)):
        word = int.from_bytes(raw, "little") ^ 1 << bit
        flipped = word.to_bytes(len(raw), "little")
        try:
            code = decode(flipped)
        except Malformed:
            continue
        decoded += 1
        assert encode(code) == flipped
    assert decoded or not ISA[mnemonic].LAYOUT


def test_unused_bits_are_refused() -> None:
    for inst in (Halt(), Map1("neg", (0,) * 4, *[Operand(ElementType.F32, 0)] * 2)):  # type: ignore[arg-type]
        raw = bytearray(encode_one(inst))
        raw[-1] = 1
        with pytest.raises(Malformed, match="unused"):
            decode(bytes(raw))


@pytest.mark.parametrize("raw", [b"", bytes(16), b"\xff" + bytes(15), bytes(8)])
def test_bytes_that_are_no_instruction(raw: bytes) -> None:
    if not raw:
        assert decode(raw) == ()
        return
    with pytest.raises(Malformed):
        decode(raw)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Li(0, 1),
        lambda: Li(256, 1),
        lambda: Li(1, 1 << 63),
        lambda: Jump(-1),
        lambda: Map2("add", (0, 0, 0, 0), *[Operand(ElementType.BOOL, 0)] * 3),
        lambda: Map2("nothing", (0, 0, 0, 0), *[Operand(ElementType.F32, 0)] * 3),
        lambda: Map1("exp", (0, 0, 0, 0), *[Operand(ElementType.I64, 0)] * 2),
        lambda: Map1("neg", (0, 0, 0), *[Operand(ElementType.I64, 0)] * 2),  # type: ignore[arg-type]
    ],
)
def test_constructors_refuse_what_no_word_holds(make: Any) -> None:
    with pytest.raises(ValueError, match=r"li|jump|map"):
        make()


def test_reference_covers_the_table() -> None:
    text = page()
    for mnemonic, cls in ISA.items():
        section = text.split(f"## {mnemonic}\n")[1].split("\n## ")[0]
        assert all(f"| {f.name} |" in section for f in cls.LAYOUT)
        assert "Cost: " in section


def test_instructions_name_registers_they_use() -> None:
    inst = Map1("neg", (1, 2, 3, 4), *[Operand(ElementType.F32, 5, (6, 7, 8, 9))] * 2)
    assert set(inst.reads()) == set(range(1, 10))
    assert inst.writes() == ()
    assert Li(7, 0).writes() == (7,)


def test_errors_are_distinct() -> None:
    assert not issubclass(Malformed, Invalid)
