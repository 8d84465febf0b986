"""
The only code that changes IR: passes replace, erase, move, retype and insert through it.

```python
replace(op.results[0], build.map("neg", x))   # of the same type, or the pass is at fault
erase(op)                                     # read by nobody, or the pass is at fault
```

It refuses, with a `RewriteError` that names pass, operation and ONNX nodes, what would be a wrong
number later:

1. a value that is replaced by one of another type;
2. an operation without location in a module where all have one;
3. an operation whose own checks fail (`dialects.verification`), extents of a reshape among them:
   when it is inserted, and once the pass ends if operands, types or properties of it changed, or
   if it has regions, which may still have to be written;
4. an operation that is erased while its results are read;
5. a use that its definition does not dominate, once the pass ends.

`RewritingPass` is where a pass begins and ends; a caller that is none uses `session.rewriting`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from xdsl.dialects.builtin import LocationAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, BlockArgument, Operation, SSAValue, SSAValues, Use

from dialects.lpu_mem.access import View
from dialects.reading import all_within, operations
from passes.rewriting.creation import copy_of, put_before, put_last, take_away
from passes.rewriting.session import Laid, Rewriting, running


def insert(op: Operation, before: Operation) -> Operation:
    """Put a new operation in front of another."""
    _check_new(op)
    put_before(op, before)
    return op


def append(op: Operation, block: Block) -> Operation:
    """Put an operation at the end of a block: a new one, or one that was taken out."""
    _check_new(op)
    put_last(op, block)
    return op


def _check_new(op: Operation) -> None:
    now = running()
    now.placed[id(op)] = op
    if now.taken and op in now.taken:
        now.tally.moved += 1
        return
    now.tally.inserted += 1
    if op.regions or type(op) is ReturnOp:
        now.changed[id(op)] = op
    else:
        now.check(op)


def block_of(operations: Iterable[Operation], arg_types: Sequence[Attribute] = ()) -> Block:
    """A block of new operations, for a region that does not exist yet."""
    block = Block(arg_types=arg_types)
    for op in operations:
        append(op, block)
    return block


def copied(func: FuncOp) -> FuncOp:
    """A copy of a function, and of all that is in it, that stands nowhere yet."""
    copy = copy_of(func, {})
    running().tally.inserted += len(all_within(copy)) - 1
    return copy


def replace(old: SSAValue, new: SSAValue) -> None:
    """
    Let `new` be read wherever `old` is, and have its name unless it has one.
    xDSL's own way leaves the uses in the same order, at twice the cost.
    """
    if old is new:
        return
    now = running()
    now.tally.replaced += 1
    _check_type(now, old, new)
    if now.record is not None:
        now.record.heirs[old] = new
    use, old.first_use = old.first_use, None
    while use is not None:
        following = use._next_use  # pyright: ignore[reportPrivateUsage]
        _read(use, new)
        use = following
    if new.name_hint is None:
        new.name_hint = old.name_hint
    if not _stands_right_before(new, old):
        now.rewired[new] = None


def replace_where(old: SSAValue, new: SSAValue, reads: Callable[[Operation], bool]) -> None:
    """Let `new` be read in the place of `old` by those operations that `reads` chooses."""
    now = running()
    now.tally.replaced += 1
    _check_type(now, old, new)
    for use in [use for use in old.uses if reads(use.operation)]:
        old.remove_use(use)
        _read(use, new)
    now.rewired[new] = None


def _read(use: Use, new: SSAValue) -> None:
    """Let an operand that has been taken from its value be another."""
    reader = use.operation
    operands = list(reader._operands)  # pyright: ignore[reportPrivateUsage]
    operands[use.index] = new
    reader._operands = SSAValues(operands)  # pyright: ignore[reportPrivateUsage]
    new.add_use(use)


def _check_type(now: Rewriting, old: SSAValue, new: SSAValue) -> None:
    """Condition 1."""
    if old.type is not new.type and old.type != new.type:
        owner = old.owner if isinstance(old.owner, Operation) else None
        raise now.error(owner, f"a value of type {old.type} is replaced by one of {new.type}")


def _stands_right_before(new: SSAValue, old: SSAValue) -> bool:
    """Whether no use can stand between two definitions: `new` then dominates as `old` does."""
    before, behind = new.owner, old.owner
    return isinstance(before, Operation) and before.next_op is behind


def erase(op: Operation) -> None:
    """
    Remove an operation whose results nobody reads, and all that is in it.

    It has no results any more: they refer to it, and nothing would free it before Python looks for
    cycles, which it rarely does while a compiler runs.
    """
    now = running()
    for result in op.results:
        if result.first_use is not None:
            raise now.error(op, "is erased while its results are read")
    if op.parent is not None:
        take_away(op)
    now.note_erased(op)
    now.tally.erased += 1 if not op.regions else len(all_within(op))
    op.drop_all_references()
    op.results = SSAValues()


def erase_unread(operations: Iterable[Operation]) -> None:
    """Remove those of some operations, readers first, that nobody reads (any more)."""
    for op in operations:
        if not any([result.first_use for result in op.results]):
            erase(op)


def substitute(op: Operation, values: Sequence[SSAValue]) -> None:
    """Put values in the place of all results of an operation, and remove it."""
    for old, new in zip(op.results, values, strict=True):
        replace(old, new)
    erase(op)


def move(op: Operation, before: Operation) -> None:
    """Put an operation in front of another, of the same block or not."""
    now = running()
    take_away(op)
    put_before(op, before)
    now.tally.moved += 1
    now.placed[id(op)] = op
    now.rewired.update(dict.fromkeys(op.results))


def take_out(block: Block) -> list[Operation]:
    """All operations of a block, which is left empty: to be appended, or erased."""
    taken = operations(block)
    for op in taken:
        take_away(op)
    running().taken.update(taken)
    return taken


def reorder(block: Block, operations: Sequence[Operation]) -> None:
    """Give a block its operations in another order."""
    now, before = running(), take_out(block)
    if len(before) != len(operations) or set(before) != set(operations):
        raise now.error(block.parent_op(), "the new order has other operations than the old")
    block.add_ops(operations)
    now.tally.moved += sum(a is not b for a, b in zip(before, operations, strict=True))
    now.placed.update((id(op), op) for op in operations)


def retype(value: SSAValue, kind: Attribute) -> None:
    """
    Give a value another type; whoever defines or reads it must agree once the pass ends.
    xDSL's own way makes a new value and rewires all uses, at ten times the cost.
    """
    if value.type is kind:
        return
    value._type = kind  # pyright: ignore[reportPrivateUsage]
    now, owner = running(), value.owner
    now.tally.changed += 1
    changed = now.changed
    if isinstance(owner, Operation):
        changed[id(owner)] = owner
    use = value.first_use
    while use is not None:
        reader = use.operation
        changed[id(reader)] = reader
        use = use._next_use  # pyright: ignore[reportPrivateUsage]


def set_operands(op: Operation, values: Sequence[SSAValue]) -> None:
    """Let an operation read other values."""
    op.operands = values
    _note_changed(op)


def set_operand(op: Operation, index: int, value: SSAValue) -> None:
    """Let an operation read another value in one place: a return may have hundreds."""
    use = op._operand_uses[index]  # pyright: ignore[reportPrivateUsage]
    op.operands[index].remove_use(use)
    _read(use, value)
    _note_changed(op)


def _note_changed(op: Operation) -> None:
    now = running()
    now.tally.changed += 1
    now.placed[id(op)] = now.changed[id(op)] = op


def set_property(op: Operation, name: str, value: Attribute) -> None:
    """Give an operation a property that its definition knows."""
    op.properties[name] = value
    now = running()
    now.tally.changed += 1
    now.changed[id(op)] = op


def set_attribute(op: Operation, name: str, value: Attribute | None) -> None:
    """Give an operation an attribute, or take it away."""
    if value is None:
        op.attributes.pop(name, None)
    else:
        op.attributes[name] = value
    now = running()
    now.tally.changed += 1
    if not op.regions:
        now.changed[id(op)] = op


def lies(value: SSAValue, buffer: SSAValue, view: View, last: Operation) -> None:
    """Say where the elements of a tensor lie once an operation is done."""
    record = running().record
    if record is not None:
        record.laid[value] = Laid(buffer, view, last)


def locate(op: Operation | BlockArgument, location: LocationAttr) -> None:
    """Say anew which ONNX nodes an operation, or an argument of a block, comes from."""
    op.location = location


def add_argument(block: Block, kind: Attribute, location: LocationAttr) -> BlockArgument:
    """One more argument of a block."""
    argument = block.insert_arg(kind, len(block.args))
    argument.location = location
    return argument


def drop_arguments(block: Block, arguments: Collection[SSAValue]) -> None:
    """Remove arguments that nobody reads."""
    for argument in [a for a in block.args if a in arguments]:
        if argument.first_use is not None:
            raise running().error(
                block.parent_op(), f"drops argument {argument.index}, which is read"
            )
        block.erase_arg(argument)
