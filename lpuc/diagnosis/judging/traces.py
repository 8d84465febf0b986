"""
One run of IR of the levels `onnx`, `lpu` or `lpu_esl`, value by value, and runs with other numbers
in it.

```python
recorder = Recorder()
run_level("lpu", module, inputs, observer=recorder)
recorder.events[0].array    # what the first operation computed
```
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from dialects.devices import gathered, scattered
from dialects.errors import node_names
from dialects.lpu.control import ForOp
from dialects.lpu.tensors import sharding_of
from dialects.observing import OnDevices

Array = np.ndarray[Any, np.dtype[Any]]
Key = tuple[SSAValue, int]
"""A value, and how often it was computed before."""


class Event(NamedTuple):
    """One result of one operation, as all devices together have it."""

    op: Operation
    value: SSAValue
    turn: int
    array: Array
    parts: OnDevices
    operands: Sequence[Sequence[Array]] = ()
    """What each device has computed it of."""

    @property
    def key(self) -> Key:
        return (self.value, self.turn)


Change = Callable[[Event, OnDevices], OnDevices]
"""What becomes of a result."""


@dataclass
class Recorder:
    """An observer that keeps every result, changed first if there is a change."""

    change: Change | None = None
    events: list[Event] = field(default_factory=list[Event])
    _turns: dict[int, int] = field(default_factory=dict[int, int])
    """How often each value was computed, by its identity: events keep values alive."""

    def __call__(
        self, op: Operation, operands: list[OnDevices], results: list[OnDevices]
    ) -> list[OnDevices]:
        turns, change, found = self._turns, self.change, list[OnDevices]()
        for value, parts in zip(op.results, results, strict=True):
            turn = turns.get(id(value), 0)
            turns[id(value)] = turn + 1
            event = Event(op, value, turn, whole(value, parts), parts, operands)
            self.events.append(event)
            found.append(parts if change is None else change(event, parts))
        return found


def whole(value: SSAValue, parts: OnDevices) -> Array:
    """A value of several devices as one array; what they differ in is that of the first."""
    if len(parts) == 1:
        return parts[0]
    sharding = sharding_of(value)
    return parts[0] if sharding is None else gathered(parts, sharding)


def layer_names(op: Operation, turn: int) -> tuple[str, ...]:
    """The ONNX nodes of an operation in one turn of the loop over layers that it stands in."""
    names, count = node_names(op), _layers(op)
    if count < 2 or len(names) % count:
        return names
    width = len(names) // count
    at = turn % count * width
    return names[at : at + width]


def _layers(op: Operation) -> int:
    """How often the innermost loop around an operation turns, 1 if a call decides that."""
    parent = op.parent_op()
    while parent is not None and not isinstance(parent, FuncOp):
        if isinstance(parent, ForOp):
            upper = parent.upper.data
            return upper.const if not upper.terms and parent.lower is None else 1
        parent = parent.parent_op()
    return 1


def parts_of(array: Array, value: SSAValue, parts: OnDevices) -> OnDevices:
    """A whole array in the place of what devices have of a value, in the type that it has."""
    with np.errstate(all="ignore"):
        kept = array.astype(parts[0].dtype, copy=False)
    return scattered(kept, sharding_of(value) if len(parts) > 1 else None, len(parts))
