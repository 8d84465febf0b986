"""Verify modules behind passes: each behind a tenth of them, and what is the same only once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary
from zlib import crc32

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from dialects.devices import devices_of

SHARE = 10
"""A module is verified behind one pass in so many; behind which is up to what it began as."""
FEW = 2
"""As many devices as modules are verified for behind each pass; for more, as users have it."""


class Once:
    """
    Verifies behind each pass what was not verified in this process.

    Compilers are deterministic: what became of equal modules by equal passes is equal, and tests
    compile few models many times. A module is looked at when it is met first, behind its first
    pass; from then on it is what was done to it that tells it from others. Other modules are
    verified behind other passes, so that a few models are enough to have each pass looked at. What
    is for many devices is verified where stages end, as always: verifying it takes longer than
    compiling it.
    """

    def __init__(self, share: int = SHARE) -> None:
        self._share = share
        self._now: WeakKeyDictionary[ModuleOp, tuple[int, int]] = WeakKeyDictionary()
        self._right: set[int] = set()

    def __call__(self, module: ModuleOp, done: str, verify: Callable[[], None]) -> None:
        if devices_of(module) > FEW:
            return
        before, turn = self._now.get(module) or (hash(tuple(_parts(module))), _kind(module))
        now = hash((before, done))
        self._now[module] = now, turn + 1
        if turn % self._share == 0 and now not in self._right:
            verify()
            self._right.add(now)


def _kind(module: ModuleOp) -> int:
    """A number that is the same for modules of the same operations, in any process."""
    return crc32(" ".join(op.name for op in module.walk()).encode())


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
