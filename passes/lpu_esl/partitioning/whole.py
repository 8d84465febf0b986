"""
What every device holds whole: how many bytes, who needs it, and whether it may be.

A partitioned module says so, for the user to read:

```mlir
lpu_esl.whole = {parameters = 98304 : i64, share = 3.1 : f64, whole = [
  {bytes = 3072 : i64, node = "node_linear_2", reason = "lpu.matmul needs all of it"}]}
```
Parameters are all bytes of the model, `share` is percent of them, tables of angles aside, and the
head of keys and values that all heads of queries share, where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FloatAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    f64,
    i64,
)
from xdsl.ir import SSAValue, Use

from dialects.errors import CompileError, node_names
from dialects.lpu.elementwise import ConstantOp
from dialects.lpu.facts import facts_of
from dialects.lpu.weights import Cast, Reshape, Shard, Transpose, Weight, nbytes
from dialects.lpu_esl.plans import WHOLE
from dialects.names import escape, unescape
from dialects.reading import all_within
from passes.analysis.functions import options
from passes.lpu_esl.factors.angles import is_passed_on, is_turning, turns
from passes.lpu_esl.factors.heads import makes_shared_head
from passes.rewriting.kernel import set_attribute

BUDGET = 5.0
"""Percent of the parameters that may be whole on every device unless a user says otherwise."""
NAMED = 5


@dataclass(frozen=True)
class Whole:
    """A weight that every device holds: the node that reads it, and what it does there.

    Of tables of angles, and of the one head of keys or values of a model, nothing can be cut.
    """

    node: str
    reader: str
    nbytes: int
    is_angles: bool
    is_shared_head: bool

    @property
    def is_counted(self) -> bool:
        """Whether the budget is for it."""
        return not self.is_angles and not self.is_shared_head

    @property
    def reason(self) -> str:
        """Why every device has it."""
        if self.is_shared_head:
            return "all heads of queries share one of keys and values"
        return f"{self.reader} needs all of it"

    @property
    def attribute(self) -> DictionaryAttr:
        """The weight as an entry of `lpu_esl.whole`."""
        return DictionaryAttr(
            {
                "bytes": IntegerAttr(self.nbytes, i64),
                "node": StringAttr(escape(self.node)),
                "reason": StringAttr(self.reason),
            }
        )

    def __str__(self) -> str:
        return f"{self.node}: {self.nbytes} bytes ({self.reason})"


@dataclass(frozen=True)
class Holdings:
    """The weights of a module that are whole, the largest first, and the bytes of all weights."""

    whole: tuple[Whole, ...]
    total: int

    @property
    def share(self) -> float:
        """Percent of all weights that every device has, of those that the budget is for."""
        counted = sum(weight.nbytes for weight in self.whole if weight.is_counted)
        return 100 * counted / max(self.total, 1)

    @property
    def attribute(self) -> DictionaryAttr:
        """What is whole as `lpu_esl.whole`."""
        return DictionaryAttr(
            {
                "parameters": IntegerAttr(self.total, i64),
                "share": FloatAttr(self.share, f64),
                "whole": ArrayAttr([weight.attribute for weight in self.whole]),
            }
        )


def holdings(module: ModuleOp) -> Holdings:
    """What the devices of a partitioned module hold."""
    whole: dict[Weight, Whole] = {}
    parts: dict[Weight, int] = {}
    for op in all_within(module):
        if isinstance(op, ConstantOp):
            weight = op.value.data
            if isinstance(weight, Shard):
                source = _straight(weight.source)
                parts[source] = nbytes(source.shape, source.dtype)
            elif weight not in whole:
                whole[weight] = _whole(op, nbytes(weight.shape, weight.dtype))
    ordered = sorted(whole.values(), key=lambda w: (-w.nbytes, w.node))
    total = sum(parts.values()) + sum(w.nbytes for w in whole.values())
    return Holdings(tuple(ordered), total)


def _straight(weight: Weight) -> Weight:
    """The weight before it was turned: a table that the head is tied to is there once."""
    if isinstance(weight, Transpose | Reshape):
        return _straight(weight.source)
    return replace(weight, source=_straight(weight.source)) if isinstance(weight, Cast) else weight


def _whole(op: ConstantOp, size: int) -> Whole:
    readers = list(_readers(op.result))
    reader = readers[0].operation if readers else op
    names = node_names(reader) or node_names(op) or ("a constant",)
    angles = len(op.value.data.shape) > 1 and bool(readers) and all(map(is_turning, readers))
    is_shared = bool(readers) and all(map(makes_shared_head, readers))
    return Whole(unescape(names[0]), reader.name, size, angles, is_shared)


def _readers(value: SSAValue) -> Iterator[Use]:
    """Where a weight is computed with, behind moves and what makes angles of it."""
    for use in value.uses:
        op = use.operation
        if facts_of(op).moves or (is_passed_on(op) and turns(op.results[0])):
            yield from _readers(op.results[0])
        else:
            yield use


def check_budget(module: ModuleOp) -> None:
    """Note what is whole on every device; `CompileError` if that is more than the budget."""
    given = options(module).get("whole_budget")
    budget = given.value.data if isinstance(given, FloatAttr) else BUDGET
    held = holdings(module)
    set_attribute(module, WHOLE, held.attribute)
    if held.share <= budget:
        return
    counted = [weight for weight in held.whole if weight.is_counted]
    named = "; ".join(map(str, counted[:NAMED]))
    more = f"; and {len(counted) - NAMED} more" if len(counted) > NAMED else ""
    raise CompileError(
        f"{held.share:.1f} % of the parameters would be whole on every device, more than "
        f"{budget:g} %: {named}{more}",
        node=counted[0].node,
        hint="cut them in a plan (--plan-out shows it), or raise --whole-budget",
    )
