"""
One record for each operator: all that the compiler knows of it.

```python
@operator("Softplus", shape=same_as_first)
def softplus(b: Build, node: Node) -> SSAValue: ...
```

* `shape` refuses operands that do not fit, and gives the extents of the results. An operator
  without it is a *view*: it turns into moves of the `lpu` level as soon as its operands are known,
  and what it becomes says the extents.
* `contents` says what integers the first result holds where they depend on symbols. Where all
  operands are known numbers the operator's own semantics are run instead.
* the decorated function is the lowering. It may look at types, attributes and what integer operands
  hold, at nothing else of what stands around: what it makes is repeated for nodes that are equal in
  these. It gives the values that replace the results, None for one that it does not compute.
* `limits` are what a node may ask for and is refused, in words.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import NamedTuple

from xdsl.ir import SSAValue

from dialects.affine import NotAffine
from dialects.errors import unsupported
from dialects.lpu.tensors import tensor_of
from dialects.onnx.ops import OnnxOp
from passes.analysis.content import Content
from passes.analysis.extents import Undecided
from passes.onnx.operators.node import Dims, Node
from passes.rewriting.build import Build

MICROSOFT = "com.microsoft"

FLAGS = frozenset({
    *("allowzero", "detect_negative", "detect_positive", "do_rotary", "exclusive", "fmod"),
    *("interleaved", "is_causal", "is_packed_batching", "keepdims", "largest", "reverse"),
    *("noop_with_empty_axes", "rotary_interleaved", "saturate", "select_last_index", "sorted"),
    *("transA", "transB", "transBatchA", "transBatchB", "unidirectional", "upper"),
})  # fmt: skip
"""Attributes that say yes or no, in whatever operator: the standard names no other values."""
COUNTS = frozenset({"kv_num_heads", "num_heads", "q_num_heads", "rotary_embedding_dim"})
"""Attributes that count, where 0 stands for what other operands say."""

Results = SSAValue | Sequence[SSAValue | None]
Lowering = Callable[[Build, Node], Results]
ShapeRule = Callable[[Node], Sequence[Dims]]
ContentRule = Callable[[Node], Content | None]


@dataclass(frozen=True)
class Limit:
    """
    What is not supported of an operator, in words.

    `asked` says whether a node asks for it by its attributes and operands alone; None where only
    extents or contents tell, and then `shape` or the lowering refuses.
    """

    words: str
    asked: Callable[[Node], bool] | None = None
    hint: str | None = None


class Operator(NamedTuple):
    """What the compiler knows of operators that differ in name alone."""

    names: tuple[str, ...]
    domains: tuple[str, ...]
    lower: Lowering
    shape: ShapeRule | None
    contents: ContentRule | None
    limits: tuple[Limit, ...]

    @property
    def is_view(self) -> bool:
        return self.shape is None

    def check(self, node: Node) -> None:
        """Refuse a node that asks for what is not supported, or for what makes no sense."""
        for name in FLAGS.intersection(node.op.schema.attributes):
            node.flag(name)
        for name in COUNTS.intersection(node.op.schema.attributes):
            value = node.attr(name)
            fits = value is None or (isinstance(value, int) and 0 <= value < 1 << 31)
            node.require(fits, f"{name} is {value}, expected a count")
        for limit in self.limits:
            if limit.asked is not None and limit.asked(node):
                raise node.refusal(f"{limit.words} is not supported", limit.hint)

    def dims(self, node: Node) -> Sequence[Dims]:
        """The extents of the results that a node has."""
        assert self.shape is not None, f"{node.op.name} is a view"
        try:
            return self.shape(node)[: len(node.op.results)]
        except (NotAffine, Undecided) as error:
            raise node.refusal(str(error)) from error

    def lowered(self, b: Build, node: Node) -> Sequence[SSAValue | None]:
        """What stands for the results."""
        try:
            results = self.lower(b, node)
        except (NotAffine, Undecided) as error:
            raise node.refusal(str(error)) from error
        return (results,) if isinstance(results, SSAValue) else results


_RECORDS: dict[tuple[str, str], Operator] = {}
"""By domain ("" is the standard's) and operator type; `passes.onnx.operators` fills it."""


def operator(
    *names: str,
    shape: ShapeRule | None = None,
    contents: ContentRule | None = None,
    limits: Sequence[Limit] = (),
    domains: Sequence[str] = ("",),
) -> Callable[[Lowering], Lowering]:
    """Make a lowering and what goes with it the record of these operators."""

    def register(lower: Lowering) -> Lowering:
        record = Operator(names, tuple(domains), lower, shape, contents, tuple(limits))
        for domain in domains:
            for name in names:
                assert (domain, name) not in _RECORDS, name
                _RECORDS[domain, name] = record
        return lower

    return register


def operators() -> Mapping[tuple[str, str], Operator]:
    """All records, by domain ("" is the standard's) and operator type."""
    import_module("passes.onnx.operators.others")
    return _RECORDS


def record_at(domain: str, name: str) -> Operator | None:
    """What is known of an operator; None if nothing is."""
    return _RECORDS.get((domain, name)) or operators().get((domain, name))


def record_of(op: OnnxOp) -> Operator | None:
    return record_at(op.DOMAIN, op.OP_TYPE)


def required_record(op: OnnxOp) -> Operator:
    """The record of an operator; refused if there is none."""
    record = record_of(op)
    if record is None:
        known = [name for domain, name in operators() if domain == op.DOMAIN]
        close = difflib.get_close_matches(op.OP_TYPE, known, n=3)
        hint = f"supported are, for example, {', '.join(close)}" if close else None
        raise unsupported(op, f"the operator {op.OP_TYPE} is not supported", hint)
    return record


def only(name: str, *values: object) -> Limit:
    """An attribute has one of these values; None stands for a version that lacks it."""
    words = ", ".join(str(value) for value in values if value is not None)
    return Limit(f"{name} other than {words}", lambda node: node.attr(name) not in values)


def without(*names: str, hint: str | None = None) -> tuple[Limit, ...]:
    """Operands that must be left out."""
    return tuple(
        Limit(f"the input {name}", lambda node, name=name: node.get(name) is not None, hint)
        for name in names
    )


def same_as_first(node: Node) -> Sequence[Dims]:
    """Every result has the extents of the first operand."""
    return [node.source.shape] * len(node.op.results)


def broadcast_all(node: Node) -> Sequence[Dims]:
    """All operands broadcast."""
    return [node.broadcast(*[tensor_of(v).shape for v in node.op.operands])]
