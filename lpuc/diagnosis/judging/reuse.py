"""
What runs of one model have in common, from one pass to the next.

An operation that a pass has left alone has the attributes and types that it had, and where its
operands have the numbers that they had, it gives what it gave: nothing is computed twice. Equal
arrays are one array, so that this ends where numbers change, not behind the first operation that
did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from typing import Any

import numpy as np
from xdsl.ir import Operation

from dialects.observing import OnDevices
from dialects.onnx.ops import InitializerOp, OnnxOp

Array = np.ndarray[Any, np.dtype[Any]]
Content = tuple[np.dtype[Any], tuple[int, ...], bytes]
"""What an array holds."""
Form = tuple[object, ...]
"""What is known of an operation without its operands."""
Operands = Sequence[Sequence[Array | None]]


@dataclass(frozen=True)
class _Known:
    """What an operation gave; the rest keeps alive what it is known by."""

    results: list[OnDevices]
    contents: list[Content]
    op: Operation
    operands: Operands


@dataclass
class _Generation:
    results: dict[object, _Known] = field(default_factory=dict[object, _Known])
    numbers: dict[Form, int] = field(default_factory=dict[Form, int])
    forms: dict[Operation, int] = field(default_factory=dict[Operation, int])
    """The numbers of the forms of operations, which keep alive what a form is told by."""
    arrays: dict[Content, Array] = field(default_factory=dict[Content, Array])


class Reuse:
    """A `dialects.observing.Memo`; what two passes have not asked for is forgotten."""

    def __init__(self) -> None:
        self._new, self._old = _Generation(), _Generation()
        self._looked_at: object = None
        self._counter = count()

    def look_at(self, what: object) -> None:
        """Another pass is looked at, if it is another one."""
        if what is not self._looked_at:
            self._new, self._old, self._looked_at = _Generation(), self._new, what

    def results(
        self,
        op: Operation,
        operands: Operands,
        symbols: Sequence[Mapping[str, int]],
        compute: Callable[[], list[OnDevices]],
    ) -> list[OnDevices]:
        """What an operation gives, computed unless it is known."""
        given = tuple([tuple(map(id, arrays)) for arrays in operands])
        key = (self._form(op), tuple([tuple(names.items()) for names in symbols]), given)
        found = self._new.results.get(key)
        if found is None:
            found = self._old.results.get(key)
            if found is None:
                found = self._noted(op, operands, compute())
            else:
                self._new.arrays.update((c, self._old.arrays[c]) for c in found.contents)
            self._new.results[key] = found
        return found.results

    def kept(self, parts: OnDevices) -> OnDevices:
        """The same arrays for the same numbers."""
        return [self._one(content_of(part), part) for part in parts]

    def _form(self, op: Operation) -> int:
        """A number for the form of an operation, the same for the same; asked for once."""
        number = self._new.forms.get(op)
        if number is None:
            form = _form_of(op)
            number = self._new.numbers.get(form, self._old.numbers.get(form))
            number = next(self._counter) if number is None else number
            self._new.numbers[form] = self._new.forms[op] = number
        return number

    def _noted(self, op: Operation, operands: Operands, results: list[OnDevices]) -> _Known:
        contents = [[content_of(part) for part in parts] for parts in results]
        kept = [
            [self._one(c, part) for c, part in zip(cs, parts, strict=True)]
            for cs, parts in zip(contents, results, strict=True)
        ]
        return _Known(kept, [c for cs in contents for c in cs], op, operands)

    def _one(self, content: Content, array: Array) -> Array:
        known = self._new.arrays.get(content)
        if known is None:
            known = self._old.arrays.get(content, array)
            self._new.arrays[content] = known
        return known


def content_of(array: Array) -> Content:
    """What two arrays share if they hold the same, bit for bit."""
    plain = np.ascontiguousarray(array)
    return array.dtype, array.shape, blake2b(plain.view(np.uint8).data, digest_size=16).digest()


def _form_of(op: Operation) -> Form:
    """
    What decides on the results beside operands: objects that passes share unless they change it.

    Constants of the model are read by their names.
    """
    named = isinstance(op, InitializerOp | OnnxOp) and not op.operands
    return (
        type(op),
        id(op.location) if named else None,
        tuple((name, id(value)) for name, value in op.properties.items()),
        tuple((name, id(value)) for name, value in op.attributes.items()),
        tuple(id(result.type) for result in op.results),
    )
