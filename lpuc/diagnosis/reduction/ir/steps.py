"""
Make failing IR small.

```python
search = search_of(module, fails)
reduce(search)
search.best
```

In this order: no locations; functions; results; operations in halves, quarters and so on down to
single ones; loops; attributes; symbols and extents. Until nothing helps: no operation of what is
left can be taken away by any of the ways of `operations`. Each candidate holds to the rules of its
level.
"""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import VerifyException

from dialects.verification import verify_module
from lpuc.compiler.watching.printing import ir_text
from lpuc.diagnosis.reduction.ir import functions, loops, text
from lpuc.diagnosis.reduction.ir.changes import removable
from lpuc.diagnosis.reduction.ir.operations import without_operations
from lpuc.diagnosis.reduction.search import MOST_TRIES, Search

Fails = Callable[[ModuleOp], bool]


def is_right(module: ModuleOp) -> bool:
    """Whether a module holds to the rules of its level."""
    try:
        verify_module(module)
        module.verify()
    except (VerifyException, AssertionError):
        return False
    return True


def operation_count(module: ModuleOp) -> int:
    """The operations in functions, without those that end blocks."""
    return len(removable(module))


def search_of(
    module: ModuleOp,
    fails: Fails,
    most: int = MOST_TRIES,
    shown: Callable[[ModuleOp, int], None] = lambda _best, _tries: None,
) -> Search[ModuleOp]:
    """A search that begins with a module that fails; `fails` leaves modules as they are."""

    def key(candidate: ModuleOp) -> bytes:
        return ir_text(candidate).encode()

    return Search(module, lambda m: is_right(m) and fails(m), key, most, shown)


def reduce(search: Search[ModuleOp]) -> None:
    """Make the best of a search as small as it gets."""
    search.first(functions.unlocated(search.best))
    before = None
    while search.best is not before:
        before = search.best
        search.halve(functions.function_count, functions.without_functions)
        search.halve(functions.result_count, functions.without_results)
        search.halve(operation_count, without_operations)
        search.sweep(functions.result_count, functions.unread_results, 1)
        search.sweep(lambda m: len(text.names(m)), text.numbered, 1)
        search.sweep(lambda m: len(loops.loops(m)), loops.simpler_loop, 1)
        search.sweep(lambda m: len(functions.attributes(m)), functions.without_attribute, 1)
        search.sweep(lambda m: len(text.extents(m)), text.smaller, 1)
