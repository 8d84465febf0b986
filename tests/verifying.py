"""Verify a module behind each pass, but the same module behind the same passes only once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from dialects.devices import devices_of

FEW = 2
"""As many devices as modules are verified for behind each pass; for more, as users have it."""


class Once:
    """
    Verifies behind each pass what was not verified in this process.

    Compilers are deterministic: what became of equal modules by equal passes is equal, and tests
    compile few models many times. A module is looked at when it is met first, behind its first
    pass; from then on it is what was done to it that tells it from others. What is for many devices
    is verified where stages end, as always: verifying it takes longer than compiling it.
    """

    def __init__(self) -> None:
        self._now: WeakKeyDictionary[ModuleOp, int] = WeakKeyDictionary()
        self._right: set[int] = set()

    def __call__(self, module: ModuleOp, done: str, verify: Callable[[], None]) -> None:
        if devices_of(module) > FEW:
            return
        before = self._now.get(module)
        now = hash((hash(tuple(_parts(module))) if before is None else before, done))
        self._now[module] = now
        if now not in self._right:
            verify()
            self._right.add(now)


def _parts(module: ModuleOp) -> Iterator[object]:
    """All that says what a module means, in order."""
    numbers: dict[SSAValue, int] = {}
    for op in module.walk():
        for region in op.regions:
            for value in (value for block in region.blocks for value in block.args):
                numbers[value] = len(numbers)
                yield value.type
        yield op.name, len(op.regions), tuple(op.properties.items()), tuple(op.attributes.items())
        yield tuple(numbers.get(value, -1) for value in op.operands)
        for result in op.results:
            numbers[result] = len(numbers)
            yield result.type
