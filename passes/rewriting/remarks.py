"""
What passes say about what they do and leave, and why: for `--debug-only`, by areas.

```python
RAISING.yes(op, "a {} norm of {}", kind, extent)
return RAISING.no(op, "epsilon is no constant")   # gives None
```

Nobody listens as a rule. A remark then costs one call; what it is made of is put together only for
somebody who listens.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

from xdsl.ir import Operation, SSAValue

from dialects.errors import node_names
from dialects.names import unescape
from passes.rewriting.session import running

Sink = Callable[[str], None]

NODES = 3
"""How many ONNX nodes of an operation a remark names."""


class Area:
    """Remarks on one kind of decision."""

    def __init__(self, name: str, about: str) -> None:
        self.name, self.about = name, about
        self.sink: Sink | None = None

    def yes(self, at: Operation | SSAValue | None, what: str, *values: object) -> None:
        """Something was done at an operation."""
        if self.sink is not None:
            self.sink(self._line(at, "", what.format(*values)))

    def no(self, at: Operation | SSAValue | None, why: str, *values: object) -> None:
        """Something was not done at an operation that looked as if it could be."""
        if self.sink is not None:
            self.sink(self._line(at, "not: ", why.format(*values)))

    def _line(self, at: Operation | SSAValue | None, verdict: str, text: str) -> str:
        op = at.owner if isinstance(at, SSAValue) else at
        parts = [f"[{self.name}] {running().name}"]
        if isinstance(op, Operation):
            names = [unescape(name) for name in node_names(op)]
            more = f" and {len(names) - NODES} more" if len(names) > NODES else ""
            parts += [", ".join(names[:NODES]) + more] if names else []
            parts.append(op.name)
        return ": ".join([*parts, f"{verdict}{text}"])


RAISING = Area("raising", "patterns that become one operation, and what lacks for others")
ROLLING = Area("rolling", "layers that become a loop, and why others do not")
MERGING = Area("merging", "products that become one, and what keeps others apart")
PARTITION = Area("partition", "what each of several devices computes, and why")
HOISTING = Area("hoisting", "how far ahead streams start, and what they wait for")

ROUNDED = "it is computed in a type shorter than f32, and rounds on the way"
"""Why what otherwise fits is left as it is."""

AREAS = {area.name: area for area in (RAISING, ROLLING, MERGING, PARTITION, HOISTING)}


@contextmanager
def heard(names: Iterable[str], sink: Sink) -> Generator[None]:
    """Give the remarks of some areas to `sink`, one line each."""
    areas = [AREAS[name] for name in names]
    before = [area.sink for area in areas]
    for area in areas:
        area.sink = sink
    try:
        yield
    finally:
        for area, old in zip(areas, before, strict=True):
            area.sink = old
