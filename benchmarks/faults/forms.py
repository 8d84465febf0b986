"""
The form of IR: what stands in a module, to be compared with what the right compiler makes.

Two modules with the same form are the same but for the names of values. Operations are compared by
name, attributes, types, nodes of the model, and by where their operands come from.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

HOLDING = frozenset(
    [
        "lpu_mem.alloc",
        "lpu_mem.param",
        "lpu_mem.state",
        "lpu_mem.arguments",
        "lpu.state",
        "lpu.weight",
    ]
)
"""Operations that say where numbers lie, and compute none."""

Operation = tuple[str, tuple[str, ...], str]
"""Its name, its nodes, and a digest of all else."""


@dataclass
class Form:
    """The operations of a module in order, and a digest of all of it."""

    operations: list[Operation] = field(default_factory=list[Operation])
    places: list[str] = field(default_factory=list[str])
    """Which values each operation reads, by number."""
    given: list[str] = field(default_factory=list[str])
    """Which values it gives."""
    digest: str = ""


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


class Former:
    """Makes forms; remembers the text of attributes."""

    def __init__(self) -> None:
        self.texts: dict[Any, str] = {}

    def form(self, module: Any) -> Form:
        """The form of a module."""
        from dialects.errors import node_names

        found, numbers = Form(), _Numbers()
        for op in module.walk():
            digest = _digest("|".join(self._parts(op)))
            found.operations.append((op.name, tuple(node_names(op)), digest))
            found.places.append(numbers.of(op.operands))
            found.given.append(numbers.of(op.results))
        found.digest = _digest(f"{found.operations} {found.places}")
        return found

    def _text(self, attribute: Any) -> str:
        if attribute not in self.texts:
            self.texts[attribute] = str(attribute)
        return self.texts[attribute]

    def _parts(self, op: Any) -> Iterator[str]:
        yield op.name
        for name, attribute in sorted((*op.properties.items(), *op.attributes.items())):
            yield f"{name}={self._text(attribute)}"
        for result in op.results:
            yield self._text(result.type)
        for operand in op.operands:
            yield f"{_origin(operand)}:{self._text(operand.type)}"
        for region in op.regions:
            for block in region.blocks:
                yield "^".join(self._text(a.type) for a in block.args)


class _Numbers:
    """Values by number, in the order in which they are met."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}

    def of(self, values: Iterable[Any]) -> str:
        """The numbers of values."""
        return " ".join(str(self._number(value)) for value in values)

    def _number(self, value: Any) -> int:
        return self.numbers.setdefault(value, len(self.numbers))


def _origin(value: Any) -> str:
    """Where a value comes from, in short."""
    from dialects.errors import node_names

    owner = value.owner
    if not hasattr(owner, "operands"):
        return f"argument {value.index} of {getattr(owner.parent_op(), 'name', '')}"
    nodes = node_names(owner)
    return f"{owner.name} {value.index} {len(owner.operands)} {nodes[:2]}"


def changed(mutant: Form, right: Form) -> set[tuple[str, tuple[str, ...]]]:
    """
    The operations of one of two modules only, else those that stand or read elsewhere: names and
    nodes.
    """
    made, meant = Counter(mutant.operations), Counter(right.operations)
    only = [*(made - meant), *(meant - made)]
    if not only:
        pairs = zip(mutant.operations, right.operations, mutant.places, right.places, strict=True)
        only = [op for a, b, *reads in pairs if a != b or reads[0] != reads[1] for op in (a, b)]
    only += [*_readers(mutant, set(only)), *_readers(right, set(only))]
    return {(name, nodes) for name, nodes, _ in only}


def _readers(form: Form, only: set[Operation]) -> Iterator[Operation]:
    """What reads those that compute nothing: where they are wrong, numbers are so behind them."""
    rows = list(zip(form.operations, form.places, form.given, strict=True))
    held = [given.split() for op, _, given in rows if op in only and op[0] in HOLDING]
    values = {value for given in held for value in given}
    yield from (op for op, read, _ in rows if not values.isdisjoint(read.split()))
