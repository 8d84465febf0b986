"""
The IR between passes, and which value of one snapshot became which of the next.

```python
for step in steps(module, passes):
    step.after.level, step.heirs
```
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from dialects.lpu.tensors import TensorType
from lpuc.compiler.pipeline import make_context
from lpuc.levels.instructions import interpreter
from passes.analysis.functions import model_folder
from passes.rewriting.base import RewritingPass
from passes.rewriting.creation import copy_of
from passes.rewriting.session import Laid, Record, recording
from passes.rewriting.standing import OTHERS
from passes.rewriting.tally import Tally, tallied
from passes.specification import EXACT, Numbers, specification_of
from runtime.numerics.elements import ElementType
from runtime.run.interpreter import Interpreter


@dataclass(frozen=True)
class Snapshot:
    """A module as it was behind a pass."""

    module: ModuleOp
    level: str
    """The dialect that it is written in, one of `passes.specification.LEVELS`."""
    copies: Mapping[SSAValue, SSAValue]
    """For each value of the module that passes work on, what it is called here."""
    operations: Mapping[Operation, Operation] = field(default_factory=dict[Operation, Operation])
    """The same for operations on buffers, which have no results."""

    @staticmethod
    def of(module: ModuleOp, level: str) -> Snapshot:
        """A module as it is now."""
        values: dict[SSAValue, SSAValue] = {}
        kept = copy_of(module, values)
        pairs = zip(module.walk(), kept.walk(), strict=True) if level == "lpu_mem" else ()
        return Snapshot(kept, level, values, dict(pairs))

    @cached_property
    def size(self) -> int:
        """How many operations it has."""
        return sum(1 for _ in self.module.walk())

    @cached_property
    def machine(self) -> Interpreter:
        """What runs the instructions of level `lpu_isa`, made once."""
        return interpreter(self.module, model_folder(self.module))


def narrowest(module: ModuleOp) -> str:
    """The shortest floats that IR of tensors rounds to, as a precision: `lpuc.levels.tolerance`."""
    types = {value.type for op in module.walk() for value in op.results}
    kinds = {one.data.dtype for one in types if isinstance(one, TensorType)}
    found = [kind.value for kind in (ElementType.BF16, ElementType.F16) if kind in kinds]
    return found[0] if found else ElementType.F32.value


@dataclass(frozen=True)
class Buffers:
    """What of the IR on buffers behind a pass does what was done before it."""

    kept: Mapping[Operation, Operation] = field(default_factory=dict[Operation, Operation])
    """For operations on buffers before it that are still there, what they are behind it."""
    lowered: Mapping[Operation, Operation] = field(default_factory=dict[Operation, Operation])
    """For those that are not, the one that does the last of what they did."""
    named: Mapping[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    """For buffers before it, what they are behind it."""
    laid: Mapping[SSAValue, Laid] = field(default_factory=dict[SSAValue, Laid])
    """For tensors before it, where they lie and what writes them."""

    @staticmethod
    def of(before: Snapshot, after: Snapshot, record: Record) -> Buffers:
        """By what a pass has told, in the words of both snapshots."""
        now = after.operations
        kept = {old: now[op] for op, old in before.operations.items() if op in now}
        lowered: dict[Operation, Operation] = {}
        for op, last in record.lowered.items():
            old = before.operations.get(op)
            end = None if old is None else _ending(last, before.operations, old)
            if old is not None and end is not None and end in now:
                lowered[old] = now[end]
        named = {old: after.copies[v] for v, old in before.copies.items() if v in after.copies}
        laid = {
            before.copies[value]: Laid(after.copies[one.buffer], one.view, now[one.last])
            for value, one in record.laid.items()
            if value in before.copies and one.buffer in after.copies and one.last in now
        }
        return Buffers(kept, lowered, named, laid)


def _ending(
    last: Operation, known: Mapping[Operation, Operation], old: Operation
) -> Operation | None:
    """What stands where an operation stood, and holds the last of what does what it did."""
    end: Operation | None = last
    while end is not None and known.get(end.parent_op() or end) is not old.parent_op():
        end = end.parent_op()
    return end


@dataclass(frozen=True)
class Step:
    """One pass, the IR before it and behind it."""

    one: ModulePass
    before: Snapshot
    after: Snapshot
    heirs: Mapping[SSAValue, SSAValue]
    """For each value behind the pass, the one before it that has the same numbers."""
    merged: Sequence[tuple[SSAValue, SSAValue]] = ()
    """Values before the pass of which one became what another is: each, and the first of them."""
    buffers: Buffers = field(default_factory=Buffers)
    """Behind a pass to or on buffers, what stands for what."""

    @property
    def is_idle(self) -> bool:
        """Whether the pass changed nothing."""
        return self.before is self.after

    @property
    def numbers(self) -> Numbers:
        """What the pass says that it does to numbers."""
        found = specification_of(type(self.one))
        return EXACT if found is None else found.numbers


class Walk:
    """Follows a module through passes that somebody runs, in place."""

    def __init__(self, module: ModuleOp, level: str = "onnx") -> None:
        self.module, self.before = module, Snapshot.of(module, level)
        self.done: list[Step] = []

    @contextmanager
    def around(self, one: ModulePass) -> Generator[None]:
        """Around one pass; what it did is the last of `done`, unless it raises."""
        with recording() as record, tallied() as tally:
            yield
        found, before = specification_of(type(one)), self.before
        level = before.level if found is None else found.behind(before.level) or before.level
        is_idle = level == before.level and self._is_as_it_was(one, tally)
        self.before = before if is_idle else Snapshot.of(self.module, level)
        inherited, merged = _inherited(before, self.before, record.heirs)
        buffers = Buffers.of(before, self.before, record) if level == "lpu_mem" else Buffers()
        self.done.append(Step(one, before, self.before, inherited, merged, buffers))

    def _is_as_it_was(self, one: ModulePass, tally: Tally) -> bool:
        """Whether a pass has changed nothing: what is not ours only removes operations."""
        if one.name in OTHERS:
            return sum(1 for _ in self.module.walk()) == self.before.size
        return isinstance(one, RewritingPass) and tally == Tally()


def steps(module: ModuleOp, passes: Sequence[ModulePass], level: str = "onnx") -> Generator[Step]:
    """Run passes over a module, in place; each as it was run. What a pass raises goes through."""
    context, walk = make_context(), Walk(module, level)
    for one in passes:
        with walk.around(one):
            one.apply(context, module)
        yield walk.done[-1]


def _inherited(
    before: Snapshot, after: Snapshot, heirs: Mapping[SSAValue, SSAValue]
) -> tuple[dict[SSAValue, SSAValue], list[tuple[SSAValue, SSAValue]]]:
    """Values behind a pass by the first of those before it that became them; the other ones."""
    found, firsts = dict[SSAValue, SSAValue](), dict[SSAValue, SSAValue]()
    merged: list[tuple[SSAValue, SSAValue]] = []
    for original, old in before.copies.items():
        heir, seen = original, set[SSAValue]()
        while heir in heirs and heir not in seen:
            seen.add(heir)
            heir = heirs[heir]
        first = firsts.setdefault(heir, old)
        if first is not old:
            merged.append((old, first))
        new = after.copies.get(heir)
        if new is not None:
            found.setdefault(new, old)
    return found, merged
