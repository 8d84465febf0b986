"""Instruction words from and to bytes.

    decode(encode([Halt()])) == (Halt(),)

The decoder accepts exactly what the encoder writes: unused bytes and bits must be zero.
"""

from array import array
from collections.abc import Iterable, Sequence

from runtime.errors import Malformed
from runtime.isa.spec import OPCODES, WORD_BYTES, Inst


class Decoded(tuple[Inst, ...]):
    """Instructions of a code section, those with equal words one object.

    `distinct` has each of them once, and `numbers` says which of those each instruction is.
    """

    distinct: Sequence[Inst]
    numbers: "array[int]"


def encode_one(inst: Inst) -> bytes:
    """The words of one instruction."""
    raw = bytearray(WORD_BYTES * inst.WORDS)
    raw[0] = inst.OPCODE
    for field in inst.LAYOUT:
        field.kind.put(raw, getattr(inst, field.name))
    return bytes(raw)


def encode(code: Iterable[Inst]) -> bytes:
    """The words of a program."""
    return b"".join(encode_one(inst) for inst in code)


def word_addresses(code: Iterable[Inst]) -> list[int]:
    """The pc of each instruction, in words."""
    addresses: list[int] = []
    pc = 0
    for inst in code:
        addresses.append(pc)
        pc += inst.WORDS
    return addresses


def decode(data: bytes) -> Decoded:
    """All instructions of a code section; Malformed where the bytes are none."""
    if len(data) % WORD_BYTES:
        raise Malformed(f"code of {len(data)} bytes is not a whole number of words")
    distinct, numbers = list[Inst](), array("I")
    known: dict[bytes, int] = {}
    at = 0
    while at < len(data):
        raw = _words_at(data, at)
        number = known.get(raw)
        if number is None:
            number = known[raw] = len(distinct)
            distinct.append(_decoded(raw, at // WORD_BYTES))
        numbers.append(number)
        at += len(raw)
    code = Decoded(map(distinct.__getitem__, numbers))
    code.distinct, code.numbers = distinct, numbers
    return code


def distinct_of(code: Sequence[Inst]) -> tuple[Sequence[Inst], "array[int]"]:
    """The objects that the instructions of a program are, and which of them each is."""
    if isinstance(code, Decoded):
        return code.distinct, code.numbers
    known = dict(zip(map(id, code), code, strict=True))
    places = {key: number for number, key in enumerate(known)}
    return [*known.values()], array("I", map(places.__getitem__, map(id, code)))


def _words_at(data: bytes, at: int) -> bytes:
    """The words of the instruction that begins at a byte."""
    pc = at // WORD_BYTES
    cls = OPCODES.get(data[at])
    if cls is None:
        raise Malformed(f"unknown opcode {data[at]} at pc {pc}")
    raw = data[at : at + WORD_BYTES * cls.WORDS]
    if len(raw) < WORD_BYTES * cls.WORDS:
        raise Malformed(f"{cls.MNEMONIC} at pc {pc} is cut off")
    return raw


def _decoded(raw: bytes, pc: int) -> Inst:
    cls = OPCODES[raw[0]]
    try:
        inst = cls(**{f.name: f.kind.get(raw) for f in cls.LAYOUT})
    except ValueError as error:
        raise Malformed(f"at pc {pc}: {error}") from None
    if encode_one(inst) != raw:
        raise Malformed(f"{cls.MNEMONIC} at pc {pc} has bits set in unused fields")
    return inst
