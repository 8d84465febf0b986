"""
What an operation was replaced by, to be repeated for equal ones.

```python
templates = Templates()
results = templates.made(op, lambda: decompose(op))
```

Two operations are equal here when they are of one class and have the very same attributes and
types: attributes of equal nodes and `tensor_type` are made once. Whoever asks sees to it that
nothing else decides what is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from xdsl.ir import Attribute, Operation, SSAValue

from dialects.reading import operands_of, types_of
from passes.rewriting.creation import make, put_before
from passes.rewriting.session import running

Made = Sequence[SSAValue | None]
Key = tuple[object, ...]


def key_of(op: Operation, extra: Key = ()) -> Key:
    """What makes two operations equal; identities hold as long as `kept_by` is held."""
    first: dict[int, int] = {}
    return (
        type(op),
        *[first.setdefault(id(value), index) for index, value in enumerate(operands_of(op))],
        *op.properties,
        *map(id, op.properties.values()),
        *map(id, types_of(op)),
        extra,
    )


def kept_by(op: Operation) -> Sequence[Attribute]:
    """The attributes whose identities are in the key of an operation."""
    return (*op.properties.values(), *types_of(op))


class Step(NamedTuple):
    """One operation; `operands` count those of the original, then the results of earlier steps."""

    cls: type[Operation]
    operands: tuple[int, ...]
    types: tuple[Attribute, ...]
    properties: Mapping[str, Attribute]


class Template(NamedTuple):
    """The operations made for one operation, and which values stand for its results."""

    steps: tuple[Step, ...]
    results: tuple[int | None, ...]
    kept: Sequence[Attribute]

    def repeat(self, op: Operation) -> Made:
        """Make the same in front of an equal operation, with its location."""
        values, location = list(operands_of(op)), op.location
        running().tally.inserted += len(self.steps)
        for step in self.steps:
            operands = [values[index] for index in step.operands]
            made = make(step.cls, operands, step.types, step.properties, location)
            put_before(made, op)
            values += made.results
        return [None if index is None else values[index] for index in self.results]


def between(first: Operation | None, last: Operation) -> list[Operation]:
    """The operations in front of `last`, back to but without `first`."""
    found: list[Operation] = []
    current = last.prev_op
    while current is not None and current is not first:
        found.append(current)
        current = current.prev_op
    return found[::-1]


def _recorded(op: Operation, made: Sequence[Operation], results: Made) -> Template | None:
    """The template; None if something else than the operands goes into it."""
    kept, places = kept_by(op), {value: index for index, value in enumerate(op.operands)}
    count, steps = len(op.operands), list[Step]()
    for one in made:
        if one.regions or one.attributes or any(value not in places for value in one.operands):
            return None
        operands = tuple(places[value] for value in one.operands)
        steps.append(Step(type(one), operands, tuple(one.result_types), one.properties))
        places.update((value, count + index) for index, value in enumerate(one.results))
        count += len(one.results)
    if any(value is not None and value not in places for value in results):
        return None
    return Template(tuple(steps), tuple([v if v is None else places[v] for v in results]), kept)


@dataclass
class Templates:
    """The templates so far."""

    _known: dict[Key, Template] = field(default_factory=dict[Key, Template])

    def made(self, op: Operation, make: Callable[[], Made], extra: Key = ()) -> Made:
        """What `make` puts in front of an operation, or the same as for an equal one."""
        key = key_of(op, extra)
        known = self._known.get(key)
        if known is not None:
            return known.repeat(op)
        before = op.prev_op
        results = make()
        template = _recorded(op, between(before, op), results)
        if template is not None:
            self._known[key] = template
        return results
