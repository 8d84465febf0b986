"""
Judge what a pass does to locations: each operation gets a name of its own before the pass, so that
behind it every operation says which ones it was made from, and that can be held against the IR.

* An operation is made from one, unless the pass merges; then from operations that are linked.
* What is merged is gone, but for what it reads, too.
* Where a value is read, its makers come before those of the reader, as they did.
* A pass that lowers leaves nothing out, and makes of each kind what becomes of this kind.
* An operation of a rolled body is made from one of every layer, in order, of the same kind, and
  reads what was read in the same layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import LocationAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, SSAValue

from dialects.errors import location_names, location_of, node_names
from dialects.lpu.control import WriteOp
from dialects.lpu.elementwise import FillOp
from dialects.lpu_mem import ops as mem
from dialects.lpu_mem.buffers import AllocOp, DataOp

FILLS = (FillOp, mem.FillOp)
FUSED = ("activation", "attention", "norm", "rotary", "softmax")
LOADS = frozenset({"lpu_isa.li", "lpu_isa.lds", "lpu_isa.sts"})
SCALARS = LOADS | {f"lpu_isa.{name}" for name in ("add", "addi", "muli", "mul", "sub", "min")}
MOST_READ = 3
"""How many operations that stay a merged one may name: they are read by what is gone."""


@dataclass(frozen=True)
class Rule:
    """What a pass may do. `loses` are kinds of which nothing need be left, None where all are."""

    merges: bool = False
    rolls: bool = False
    loses: frozenset[str] | None = frozenset()
    kinds: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """What operations of a kind are made from; any other is not looked at."""
    own: frozenset[str] | None = None
    """Every kind, but for these, is made from its own."""


def _set(*names: str) -> frozenset[str]:
    return frozenset(names)


_VIEWS = _set(
    *(f"lpu.{name}" for name in ("reshape", "transpose", "slice", "read", "broadcast", "fill")),
    "lpu.yield",
    "func.return",
)

_TO_MEM = {
    "lpu_mem.vecmat": _set("lpu.matmul", "lpu.attention"),
    "lpu_mem.param": _set("lpu.constant"),
    "lpu_mem.send": _set("lpu_esl.all_gather"),
    "lpu_mem.recv": _set("lpu_esl.all_gather"),
    **{
        f"lpu_mem.{n}": _set(f"lpu.{n}") for n in ("gather", "cast", "state", "for", "emit", "topk")
    },
    **{
        f"lpu_mem.{name}": _set(*(f"lpu.{n}" for n in (name, *FUSED)))
        for name in ("map", "reduce", "select", "iota")
    },
}

_TO_ISA = {
    **{f"lpu_isa.{n}": _set("lpu_mem.copy") for n in ("load", "store", "copy")},
    **{f"lpu_isa.{n}": _set("lpu_mem.map") for n in ("map1", "map2")},
    **{f"lpu_isa.{n}": _set("lpu_mem.vecmat") for n in ("stream", "vecmat")},
    **{f"lpu_isa.{n}": _set("lpu_mem.for") for n in ("loop", "label", "mov")},
    **{
        f"lpu_isa.{name}": _set(f"lpu_mem.{name}")
        for name in (
            "cast", "fill", "gather", "iota", "recv", "reduce", "scan", "scatter", "select", "send",
            "topk",
        )
    },
    "lpu_isa.bge": _set("lpu_mem.for", "lpu_mem.emit"),
    "lpu_isa.out": _set("lpu_mem.emit"),
    "lpu_isa.halt": _set("lpu_mem.return"),
    "lpu_isa.weight": _set("lpu_mem.param"),
}  # fmt: skip

_DROPS, _MERGES = Rule(loses=None), Rule(merges=True, loses=None)
RULES: Mapping[str, Rule] = {
    "onnx-resolve-shapes": _DROPS,
    "convert-onnx-to-lpu": Rule(loses=_set("onnx.Cast")),
    "lpu-fold-constants": _MERGES,
    "lpu-merge-duplicates": _DROPS,
    "lpu-drop-dead": _DROPS,
    "cse": _DROPS,
    "dce": _DROPS,
    "lpu-roll-layers": Rule(rolls=True),
    "lpu-fold-indices": _MERGES,
    "lpu-raise-activation": Rule(merges=True),
    "lpu-raise-softmax": Rule(merges=True),
    "lpu-raise-norm": Rule(merges=True),
    "lpu-raise-rotary": Rule(merges=True),
    "lpu-raise-attention": Rule(merges=True),
    "lpu-merge-matmuls": Rule(merges=True),
    "lpu-demote-precision": Rule(merges=True),
    "lpu-esl-split-products": _DROPS,
    "convert-lpu-to-lpu-mem": Rule(loses=_VIEWS | {"lpu.cast"}, kinds=_TO_MEM),
    "lpu-mem-tile": Rule(own=_set("lpu_mem.alloc", "lpu_mem.copy", "lpu_mem.for", "lpu_mem.min")),
    "convert-lpu-mem-to-lpu-isa": Rule(
        loses=_set("lpu_mem.alloc", "lpu_mem.state", "lpu_mem.param"), kinds=_TO_ISA
    ),
    "lpu-isa-allocate-registers": Rule(loses=SCALARS, own=SCALARS),
}
"""Passes that are not here make what they make from one operation each, and leave nothing out."""


def named(module: ModuleOp) -> list[Operation]:
    """The operations that say where they come from, in their order."""
    return [op for op in module.walk() if not isinstance(op, ModuleOp | FuncOp)]


def _makers(value: SSAValue) -> list[Operation]:
    """The operations that a value comes from: of a loop, the loop and the end of its body."""
    owner = value.owner
    if isinstance(owner, Block):
        outer = owner.parent_op()
        if outer is None or isinstance(outer, FuncOp):
            return []
        return [outer, *(m for operand in outer.operands for m in _makers(operand))]
    last = owner.regions[0].block.last_op if owner.regions else None
    return [owner] if last is None else [owner, last]


def links(operations: Iterable[Operation]) -> Iterator[tuple[Sequence[Operation], Operation]]:
    """For each value that is read its makers and its reader; a buffer is made by all writers."""
    writers: dict[SSAValue, list[Operation]] = {}
    for op in operations:
        written = _written(op)
        for value in op.operands[len(written) :] if isinstance(op, DataOp) else op.operands:
            makers = [*writers.get(value, ()), *_makers(value)]
            makers = [maker for maker in makers if not isinstance(maker, AllocOp)]
            if makers:
                yield makers, op
        for value in written:
            writers.setdefault(value, []).append(op)


def _written(op: Operation) -> Sequence[SSAValue]:
    """Buffers and states that an operation writes, which come first."""
    if isinstance(op, DataOp):
        return op.operands[: op.WRITES]
    return op.operands[:1] if isinstance(op, WriteOp) else ()


class Names:
    """
    The operations of a module under names of their own, two for each: its number and a half.

    `restore` gives back what each stood for.
    """

    def __init__(self, module: ModuleOp) -> None:
        self.ops = named(module)
        self.kinds = [op.name for op in self.ops]
        self.number = {op: number for number, op in enumerate(self.ops)}
        self.locations = [op.location for op in self.ops]
        self.before = [0] * len(self.ops)
        self.linked: list[set[int]] = [set() for _ in self.ops]
        for makers, op in links(self.ops):
            second = self.number[op]
            for first in map(self.number.__getitem__, makers):
                self.before[second] |= self.before[first] | 1 << first
                self.linked[first].add(second)
                self.linked[second].add(first)
        for number, op in enumerate(self.ops):
            op.location = location_of([f"{number}.{half}" for half in range(2)])

    def restore(self, operations: Iterable[Operation]) -> None:
        """Say again which nodes operations come from."""
        known: dict[tuple[str, ...], LocationAttr] = {}
        for op in operations:
            names = node_names(op)
            if names not in known:
                parts = [location_names(self.locations[number]) for number in made_from(op)]
                known[names] = location_of(name for part in parts for name in part)
            op.location = known[names]


def made_from(op: Operation) -> tuple[int, ...]:
    """The numbers that an operation names."""
    return tuple(dict.fromkeys(int(name.partition(".")[0]) for name in node_names(op)))


def _is_whole(op: Operation) -> bool:
    """Whether an operation has all names of what it was made from, in order."""
    return list(node_names(op)) == [f"{n}.{half}" for n in made_from(op) for half in range(2)]


def faults(names: Names, module: ModuleOp, rule: Rule) -> Iterator[str]:
    """What is wrong with the locations behind a pass."""
    now = named(module)
    lost = [op for op in now if not node_names(op)]
    if lost:
        yield from (f"{op.name} has lost its location" for op in lost)
        return
    yield from (f"{op.name} has lost a part of its location" for op in now if not _is_whole(op))
    new = {op for op in now if op not in names.number}
    for op in now:
        if op not in new and made_from(op) != (names.number[op],):
            yield f"{op.name} stays and has another location"
    yield from _sizes(names, new, rule, now)
    yield from _left_out(names, now, rule)
    yield from _kinds(names, new, rule)
    if rule.rolls:
        yield from _layers(names, new, now)
    else:
        yield from _flow(names, new, now)


def _sizes(
    names: Names, new: set[Operation], rule: Rule, now: Sequence[Operation]
) -> Iterator[str]:
    unread = _unread(now)
    alive = {names.number[op] for op in now if op not in new and op not in unread}
    gone = set(range(len(names.ops))) - alive
    for op in new:
        numbers = made_from(op)
        if len(numbers) == 1 or rule.rolls:
            continue
        if not rule.merges:
            yield f"{op.name} is made from {len(numbers)} operations"
        elif not _are_linked(names, numbers, gone):
            yield f"{op.name} is made from operations that have nothing to do with each other"
        kept = alive.intersection(numbers)
        if len(kept) > MOST_READ:
            yield f"{op.name} names {len(kept)} operations that are still there"


def _unread(now: Sequence[Operation]) -> set[Operation]:
    """Operations that are only left for others to remove."""
    found: set[Operation] = set()
    for op in reversed(now):
        if op.results and not op.regions:
            readers = {use.operation for result in op.results for use in result.uses}
            if readers <= found:
                found.add(op)
    return found


def _are_linked(names: Names, numbers: Sequence[int], gone: set[int]) -> bool:
    """Whether one leads to each other over what is gone and what that reads or is read by."""
    near = gone.union(numbers, *(names.linked[number] for number in gone))
    found, todo = {numbers[0]}, [numbers[0]]
    while todo:
        for other in names.linked[todo.pop()] & near - found:
            found.add(other)
            todo.append(other)
    return found >= set(numbers)


def _left_out(names: Names, now: Sequence[Operation], rule: Rule) -> Iterator[str]:
    if rule.loses is None:
        return
    named_now = {number for op in now for number in made_from(op)}
    for number, kind in enumerate(names.kinds):
        if number not in named_now and kind not in rule.loses:
            yield f"nothing is made from {kind} {number}"


def _kinds(names: Names, new: set[Operation], rule: Rule) -> Iterator[str]:
    for op in new:
        made = {names.kinds[number] for number in made_from(op)}
        wanted = rule.kinds.get(op.name)
        if rule.own is not None and op.name not in rule.own:
            wanted = _set(op.name)
        if wanted is not None and not made <= wanted:
            yield f"{op.name} is made from {', '.join(sorted(made))}"


def _flow(names: Names, new: set[Operation], now: Sequence[Operation]) -> Iterator[str]:
    """
    What is made comes before what reads it.

    A number is shared by whoever wants it, and what is filled with it belongs to one of them.
    """
    for makers, op in links(now):
        is_filled = all(isinstance(maker, FILLS) for maker in makers)
        if is_filled or (op not in new and new.isdisjoint(makers)):
            continue
        earlier = {number for maker in makers for number in made_from(maker)}
        later = made_from(op)
        if earlier.isdisjoint(later) and not any(
            names.before[c] >> p & 1 for c in later for p in earlier
        ):
            kinds = {names.kinds[number] for number in earlier}
            what = f"{op.name} of {names.kinds[later[0]]} {later}"
            yield f"{what} reads {makers[0].name} of {', '.join(sorted(kinds))} {sorted(earlier)}"


def _layers(names: Names, new: set[Operation], now: Sequence[Operation]) -> Iterator[str]:
    """One operation of each layer, which read each other."""
    counts = {len(made_from(op)) for op in new}
    if len(counts) > 1 or 1 in counts:
        yield f"operations of the body are made from {sorted(counts)} operations"
        return
    for op in new:
        if len({names.kinds[number] for number in made_from(op)}) > 1:
            yield f"{op.name} is made from operations of several kinds"
    for makers, op in links(now):
        if op not in new or not new.issuperset(makers):
            continue
        for layer, later in enumerate(made_from(op)):
            earlier = [made_from(maker)[layer] for maker in makers]
            if later not in earlier and not any(names.before[later] >> e & 1 for e in earlier):
                yield f"{op.name} {later} reads {makers[0].name} {earlier} of another layer"
