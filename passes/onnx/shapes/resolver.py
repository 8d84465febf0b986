"""
The walk that resolves shapes: what each operation becomes, and what is known of its results.

Views are replaced by the moves that they are; all other operators get typed results. Where all
operands are known numbers, so are the results: the operator's own semantics say them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from xdsl.ir import Attribute, Operation, SSAValue

from dialects.affine import Ranges
from dialects.errors import CompileError
from dialects.lpu.elementwise import ConstantOp
from dialects.lpu.tensors import LpuOp, tensor_of
from dialects.lpu.types import Tensor, tensor_type
from dialects.lpu.weights import Weight, nbytes, read
from dialects.onnx.branches import IfOp
from dialects.onnx.loops import LoopOp
from dialects.onnx.ops import InitializerOp, OnnxOp
from dialects.onnx.semantics import evaluate
from dialects.reading import operands_of
from passes.analysis.content import Content, Fill, Numbers, as_elements, fits, is_small
from passes.analysis.moves import content_moved, content_of_array
from passes.onnx.operators.node import Node, inlined
from passes.onnx.operators.record import Operator, required_record
from passes.onnx.operators.undecided import compared_behind, unknown_behind
from passes.onnx.shapes.computed_ranges import is_data, is_split_by_data
from passes.onnx.shapes.doubles import folded, is_double
from passes.onnx.shapes.graphs import inlined_graphs
from passes.onnx.shapes.lengths import (
    Lengths,
    is_table,
    last_row,
    renewed_content,
    renewed_tensor,
)
from passes.onnx.shapes.selections import Selections
from passes.rewriting.build import Build
from passes.rewriting.kernel import erase, replace, retype
from passes.rewriting.templates import Key, Templates, between, kept_by, key_of

Array = np.ndarray[Any, np.dtype[Any]]


MOST_BYTES = 1 << 40
"""A tebibyte: more than the HBM of any target, and of all of a ring."""


class Typed(NamedTuple):
    """What is known of the results of equal operations."""

    tensors: Sequence[Tensor]
    contents: Sequence[Content | None]
    kept: Sequence[Attribute]


@dataclass
class Resolver:
    """The state of the walk: contents so far, and the folder that weights are read from."""

    lengths: Lengths
    folder: Path
    selections: Selections = field(default_factory=Selections)
    contents: dict[SSAValue, Content] = field(default_factory=dict[SSAValue, Content])
    types: dict[Key, Typed] = field(default_factory=dict[Key, Typed])
    templates: Templates = field(default_factory=Templates)

    @property
    def ranges(self) -> Ranges:
        return self.lengths.ranges

    def visit(self, op: Operation) -> None:
        """Resolve an operation, and what it says of the lengths of caches."""
        self._renew(op)
        while True:
            try:
                return self._visit(op)
            except CompileError as error:
                if not isinstance(op, OnnxOp):
                    raise
                learnt = self.lengths.learn(op, error) or self._know_more(op)
                if not learnt and not (self._unify_compared(op) and self._know_more(op)):
                    raise
                self._renew(op)

    def _unify_compared(self, op: OnnxOp) -> bool:
        """Let lengths be equal of which an operation needs the least or the greatest."""
        found = [x for value in operands_of(op) for x in compared_behind(value, self.contents.get)]
        return any([self.lengths.unify(a, b) for _, a, b in found])

    def _know_more(self, op: OnnxOp) -> bool:
        """Whether ranges that have shrunk since decide something that an operation depends on."""
        behind = [x for value in operands_of(op) for x in unknown_behind(value, self.contents.get)]
        for one in behind:
            self._renew(one)
            if isinstance(one, OnnxOp):
                node = Node(one, self.contents.get, self.ranges, self.folder)
                rule = required_record(one).contents
                contents = self._computed(one) or ([rule(node)] if rule else [])
                for result, content in zip(one.results, contents, strict=False):
                    self._note(result, content)
            elif isinstance(one, LpuOp):
                self._note_lpu(one)
        return any(
            self.contents.get(result) is not None for one in behind for result in one.results
        )

    def _renew(self, op: Operation) -> None:
        """Let lengths that have turned out to be equal have one name in what an operation reads."""
        equal = self.lengths.equal
        for value in op.operands if equal else ():
            retype(value, tensor_type(renewed_tensor(tensor_of(value), equal)))
            content = renewed_content(self.contents.get(value), equal)
            if content is not None:
                self.contents[value] = content

    def _visit(self, op: Operation) -> None:
        if type(op) is InitializerOp:
            built = Build(op).constant(inlined(op.weight, self.folder))
            self._note_constant(built, op.weight)
            self._replace(op, [built])
        elif isinstance(op, IfOp | LoopOp):
            self._replace(op, inlined_graphs(op, self._array, self.contents.get, self.visit))
        elif isinstance(op, OnnxOp):
            self._visit_node(Node(op, self.contents.get, self.ranges, self.folder))
        elif isinstance(op, LpuOp):
            self._note_lpu(op)

    def _visit_node(self, node: Node) -> None:
        record = required_record(node.op)
        if self._select(node):
            return
        if is_double(node.op):
            self._double(node.op)
        elif record.is_view:
            self._move(record, node)
        else:
            self._type(record, node)

    def _select(self, node: Node) -> bool:
        """Whether a node selects rows by data, or joins such rows."""
        op, found = node.op, self.selections
        if op.OP_TYPE == "NonZero" and self._array(node.first) is None:
            made = [found.not_zero(Build(op), node)]
        elif op.OP_TYPE == "Range" and is_data(node):
            made = [found.between(Build(op), node)]
        elif op.OP_TYPE == "Split" and is_split_by_data(node):
            made = found.parts(Build(op), node)
        else:
            return op.OP_TYPE == "Concat" and bool(found.known) and found.join(node)
        self.lengths.ranges.update(found.ranges())
        self._replace(op, made)
        return True

    def _double(self, op: OnnxOp) -> None:
        """Constants in place of a node that reads or makes doubles."""
        weights = folded(op, self._array, self.folder)
        built = [Build(op).constant(inlined(weight, self.folder)) for weight in weights]
        for value, weight in zip(built, weights, strict=True):
            self._note_constant(value, weight)
        self._replace(op, built)

    def _note(self, value: SSAValue, content: Content | None) -> None:
        if content is not None and fits(content, tensor_of(value), self.ranges):
            self.contents[value] = content

    def _note_constant(self, value: SSAValue, weight: Weight) -> None:
        if is_small(tensor_of(value)):
            self._note(value, content_of_array(read(weight, self.folder)))

    def _note_lpu(self, op: Operation) -> None:
        if isinstance(op, ConstantOp):
            self._note_constant(op.results[0], op.value.data)
        else:
            self._note(op.results[0], content_moved(op, self.contents.get))

    def _keys(self, op: OnnxOp) -> Key:
        """What is known of each operand."""
        found = map(self.contents.get, operands_of(op))
        return tuple([content and content.key for content in found])

    def _type(self, record: Operator, node: Node) -> None:
        """Type the results in place, and note their contents."""
        op = node.op
        key = key_of(op, self._keys(op))
        known = self.types.get(key)
        if known is None:
            kept = kept_by(op)
            for result, dims in zip(op.results, record.dims(node), strict=True):
                retype(result, tensor_type(Tensor(tuple(dims), tensor_of(result).dtype)))
            for result in op.results:
                self._require_room(node, tensor_of(result))
            contents = self._computed(op) or ([record.contents(node)] if record.contents else [])
            known = Typed([tensor_of(result) for result in op.results], contents, kept)
            self.types[key] = known
        for result, tensor in zip(op.results, known.tensors, strict=True):
            retype(result, tensor_type(tensor))
        for result, content in zip(op.results, known.contents, strict=False):
            self._note(result, content)
        if op.OP_TYPE == "Gather" and is_table(op):
            self._note_rows(node)
        if self.selections.known:
            self.selections.check_node(node)

    def _note_rows(self, node: Node) -> None:
        """A cache holds no tokens for which a table has no row."""
        indices = node.value("indices")
        last = last_row(self.contents.get(indices), tensor_of(indices))
        rows = node.source.shape[node.axis(node.source.rank)]
        if last is not None and last.terms:
            self.lengths.limit(node.op, last, rows - 1)

    def _require_room(self, node: Node, tensor: Tensor | None) -> None:
        """Refuse a result that no machine holds."""
        if tensor is None:
            return
        size = nbytes(tensor.bound(self.ranges), tensor.dtype)
        message = f"a result {tensor} takes {size} bytes, more than any machine has"
        grows = any(dim and not dim.is_const for dim in tensor.dims or ())
        node.require(
            size <= MOST_BYTES, message, "choose a smaller --max-context" if grows else None
        )

    def _computed(self, op: OnnxOp) -> Sequence[Content | None]:
        """What the operator's own semantics give, if all operands are known numbers."""
        if not op.operands or not all([is_small(tensor_of(result)) for result in op.results]):
            return ()
        arrays = {value: self._array(value) for value in op.operands}
        if any(array is None for array in arrays.values()):
            return ()
        slots = [None if value is None else arrays[value] for value in op.slots()]
        try:
            results = evaluate(op, slots, self.folder)
        except CompileError:
            return ()
        for result, array in zip(op.results, results, strict=True):
            shape = tensor_of(result).static_shape()
            assert array.shape == shape, f"{op.name} gives {array.shape}, its type says {shape}"
        return [content_of_array(array) for array in results]

    def _array(self, value: SSAValue) -> Array | None:
        """The elements of a value, if they are known numbers."""
        content, tensor = self.contents.get(value), tensor_of(value)
        if isinstance(content, Numbers):
            return content.array
        if isinstance(content, Fill) and is_small(tensor):
            return np.full(tensor.static_shape(), content.value)
        known = as_elements(content, tensor)
        if known is None or not all([element.is_const for element in known.flat()]):
            return None
        numbers = np.array([element.const for element in known.flat()], np.int64)
        return numbers.astype(tensor.dtype.dtype).reshape(known.array.shape)

    def _move(self, record: Operator, node: Node) -> None:
        """Replace a view by moves, and note what is known of each."""
        op, before = node.op, node.op.prev_op

        def moves() -> Sequence[SSAValue | None]:
            made = record.lowered(Build(op), node)
            for value in made:
                self._require_room(node, None if value is None else tensor_of(value))
            return made

        values = self.templates.made(op, moves, self._keys(op)) if op.operands else moves()
        for made in between(before, op):
            self._note_lpu(made)
            if self.selections.known:
                self.selections.check_move(made, node)
        self._replace(op, values)

    def _replace(self, op: Operation, values: Sequence[SSAValue | None]) -> None:
        for old, new in zip(op.results, values, strict=True):
            assert new is not None, f"{op.name} is a view of all its results"
            assert tensor_of(old).dtype == tensor_of(new).dtype, f"{op.name}: not of its type"
            retype(old, new.type)
            replace(old, new)
        erase(op)
