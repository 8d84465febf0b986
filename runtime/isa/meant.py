"""What a program was meant to do, as its compiler says before registers are allocated.

    step: 7f8a..., 01b2...    # a digest for each stretch of code, in the order of the code

A stretch ends behind the last instruction of an exchange, or where its entry ends. What is digested
is no word of the code, but what the instructions do, whatever registers they use: for each of them
its name, functions, types and immediates, then the *numbers* in the registers that it reads, in the
order of its fields. So a digest says which bytes each block holds that devices exchange, what they
were computed of, and in which order; two programs that differ in registers only have equal ones.

Numbers are taken modulo 2^64 and stand for all values that there may be:

* a symbol of the entry is `mixed("symbol", name)`;
* `li`, `mov`, `add`, `sub`, `mul`, `addi`, `muli` compute, `min`, `max` and `divi` are
  `mixed(mnemonic, a, b)`;
* the counter of the loop number n of the entry is `mixed("turn", n)` in its body and
  `mixed("after", n)` behind it; loops count by where they begin, outer ones first;
* `lds` gives what `sts` put there, elsewhere `mixed("data", address, how many such came before)`.

These and the instructions that only compute are not described, but for `lds` of data. A register
that the body of a loop writes holds nothing where it begins, and where ways meet one holds nothing
that does not hold the same on all of them. A loop is described where it begins, by its number and
the number in its counter, and where it ends, by its step and the number in its bound; a branch by
how many came before it, and where it leads by those that lead there.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from struct import pack
from typing import Any, cast

from runtime.errors import Malformed
from runtime.isa.fields import Memory, Register, Registers
from runtime.isa.kinds import Integer, Kind
from runtime.isa.spec import Inst

Meant = Mapping[str, tuple[str, ...]]
"""The digests of each entry."""
DIGEST_BYTES = 8
MASK = (1 << 64) - 1


def mixed(*parts: object) -> int:
    """A number for something that is not computed."""
    return int.from_bytes(_digest(",".join(map(str, parts)).encode()), "little")


def told(inst: type[Inst], values: Iterable[Any]) -> str:
    """What an instruction is but for its registers and where it branches to."""
    shown = zip(_tellers(inst), values, strict=True)
    return " ".join([inst.MNEMONIC, *[show(value) for show, value in shown if show is not None]])


@cache
def _tellers(inst: type[Inst]) -> tuple[Callable[[Any], str] | None, ...]:
    """What tells each field of an instruction, None of those that are not told."""
    return tuple(_teller(field.kind) for field in inst.LAYOUT)


def _teller(kind: Kind) -> Callable[[Any], str] | None:
    match kind:
        case Memory():
            return attrgetter("type")
        case Register() | Registers() | Integer(target=True):
            return None
        case _:
            return kind.show


def digest_of(words: Sequence[str], numbers: Sequence[int] | bytes) -> str:
    """The digest of a stretch, whose numbers may be bytes already, eight of each."""
    if not isinstance(numbers, bytes):
        numbers = packed(numbers)
    return _digest("\n".join(words).encode() + numbers).hex()


def packed(numbers: Sequence[int]) -> bytes:
    """Numbers as they are digested."""
    return pack(f"<{len(numbers)}Q", *numbers)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def meant_to_json(meant: Meant) -> dict[str, list[str]]:
    """JSON-able form."""
    return {entry: list(digests) for entry, digests in meant.items()}


def meant_from_json(data: Any) -> Meant:
    """The digests of each entry; Malformed where data are none."""
    if not isinstance(data, dict):
        raise Malformed("what the program was meant to do is no table")
    found: dict[str, tuple[str, ...]] = {}
    for entry, digests in cast(dict[Any, Any], data).items():
        if not isinstance(digests, list) or not all(map(_is_digest, cast(list[Any], digests))):
            raise Malformed(f"what the entry {entry!r} was meant to do is no list of digests")
        found[entry] = tuple(cast(list[str], digests))
    return found


def _is_digest(value: object) -> bool:
    return (
        isinstance(value, str)
        and len(value) == 2 * DIGEST_BYTES
        and all(digit in "0123456789abcdef" for digit in value)
    )
