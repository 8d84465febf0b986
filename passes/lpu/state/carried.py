"""Where elements of a value are from that moves, choices and look-ups leave as they are."""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.ir import Operation, SSAValue

from dialects.lpu.facts import facts_of


def carried(value: SSAValue, *ends: type[Operation]) -> Iterator[SSAValue]:
    """
    The value, and those whose elements it may hold, unchanged, each once.

    What an operation of a class in `ends` reads is not among them.
    """
    seen, values = set[SSAValue](), [value]
    while values:
        one = values.pop()
        if one in seen:
            continue
        seen.add(one)
        yield one
        if isinstance(one.owner, Operation) and not isinstance(one.owner, ends):
            values.extend(one.owner.operands[facts_of(one.owner).carries])
