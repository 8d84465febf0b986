"""
The operations that come from one ONNX node, with what is needed to read them.

That is what defines their operands, and the loops and functions they stand in; a comment counts
what is left out between them. Values are called what they are called in the whole module.

```mlir
func.func @step(%x : !lpu.tensor<[P, 8], f32>) {
  // ... 14 operations
  %14 = lpu.constant <file("w", 0, [8], f32)> : !lpu.tensor<[8], f32> loc("fc1")
  %15 = lpu.map "mul" %13, %14 : ... loc("fc1")
  // ... 3 operations
}
```
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from io import StringIO

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation
from xdsl.printer import Printer

from dialects.errors import node_names
from dialects.names import unescape

HOLDERS = (ModuleOp, FuncOp)
"""Operations that stand for all the nodes that are in them, and are shown if one of those is."""


def names_of(module: ModuleOp) -> set[str]:
    """All ONNX nodes that operations of a module come from."""
    return {unescape(name) for op in module.walk() for name in node_names(op)}


def is_meant(pattern: str, name: str) -> bool:
    """Whether a name is the one that is asked for, in which `*` stands for anything."""
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), name, re.DOTALL) is not None


class _Spans(Printer):
    """A printer that notes where in the text each operation stands."""

    def __init__(self, stream: StringIO, locations: bool):
        super().__init__(stream, print_debuginfo=locations)
        self.text = stream
        self.spans: dict[Operation, tuple[int, int]] = {}

    def print_op(self, op: Operation) -> None:
        start = self.text.tell()
        super().print_op(op)
        self.spans[op] = (start, self.text.tell())


def filtered_text(module: ModuleOp, pattern: str, locations: bool = True) -> str:
    """The part of a module, as text, that comes from the ONNX nodes which a pattern names."""
    chosen = [op for op in _inner(module) if _is_from(op, pattern)]
    if not chosen:
        return f"// nothing comes from {pattern!r}\n"
    printer = _Spans(StringIO(), locations)
    printer.print_op(module)
    return _Cut(printer.text.getvalue(), printer.spans, _kept(chosen)).text(module) + "\n"


def _inner(module: ModuleOp) -> Iterator[Operation]:
    return (op for op in module.walk() if not isinstance(op, HOLDERS))


def _is_from(op: Operation, pattern: str) -> bool:
    return any(is_meant(pattern, unescape(name)) for name in node_names(op))


def _kept(chosen: Iterable[Operation]) -> set[Operation]:
    """What is shown: the chosen, what defines their operands, and what all these stand in."""
    kept = set[Operation]()
    for op in chosen:
        owners = (operand.owner for operand in op.operands)
        for one in (op, *(owner for owner in owners if isinstance(owner, Operation))):
            around: Operation | None = one
            while around is not None and around not in kept:
                kept.add(around)
                around = around.parent_op()
    return kept


class _Cut:
    """The text of a module without the operations that are not kept."""

    def __init__(
        self, whole: str, spans: dict[Operation, tuple[int, int]], kept: set[Operation]
    ) -> None:
        self.whole, self.spans, self.kept = whole, spans, kept

    def text(self, op: Operation) -> str:
        """One that is kept; all of it, if nothing in it is."""
        start, end = self.spans[op]
        children = [c for region in op.regions for b in region.blocks for c in b.ops]
        if not self.kept.intersection(children):
            return self.whole[start:end]
        parts, skipped, gap = list[str](), 0, ""
        for child in children:
            if child not in self.spans:
                continue
            first, last = self.spans[child]
            between = self.whole[start:first]
            start = last
            if child not in self.kept:
                gap, skipped = gap if skipped else between, skipped + 1
                continue
            parts += [_left_out(gap, skipped), between, self.text(child)]
            skipped = 0
        return "".join([*parts, _left_out(gap, skipped), self.whole[start:end]])


def _left_out(gap: str, skipped: int) -> str:
    """A comment for operations in a row, behind the text that leads to the first of them."""
    return f"{gap}// ... {skipped} operation{'s' * (skipped > 1)}" if skipped else ""
