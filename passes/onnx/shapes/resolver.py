"""
The walk that resolves shapes: what each operation becomes, and what is known of its results.

Operators that make values from shapes alone (`SPECIAL`) and those that move elements (`VIEWS`) are
replaced; all others get typed results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from xdsl.ir import Attribute, Operation, SSAValue

from dialects.affine import Affine, NotAffine, Ranges
from dialects.errors import unsupported
from dialects.lpu.ops import tensor_of
from dialects.lpu.types import Tensor, tensor, tensor_type
from dialects.lpu.weights import INLINE_LIMIT, Inline, Weight, inline, nbytes, read
from dialects.onnx.branches import IfOp
from dialects.onnx.ops import InitializerOp, OnnxOp
from passes.analysis.content import ELEMENTS_LIMIT, Content, Elements, Fill, Line, elements
from passes.onnx.shapes.rules import RULES, known_elements, known_scalar, range_dims
from passes.onnx.shapes.typing import attribute, infer
from passes.onnx.shapes.views import VIEWS, Viewed, Views
from passes.rewriting.build import Build
from passes.rewriting.kernel import erase, move, replace, retype
from passes.rewriting.templates import Key, Templates, kept_by, key_of
from runtime.numerics import ElementType


@dataclass
class Resolver:
    """The state of the walk: contents so far, and the folder that weights are read from."""

    ranges: Ranges
    folder: Path
    contents: dict[SSAValue, Content] = field(default_factory=dict)
    types: dict[Key, tuple[Sequence[Tensor], Sequence[Attribute]]] = field(default_factory=dict)
    """Of operations without known content, and what keeps their keys valid."""
    templates: Templates = field(default_factory=Templates)

    def lookup(self, value: SSAValue | None) -> Content | None:
        return None if value is None else self.contents.get(value)

    def visit(self, op: Operation) -> None:
        if isinstance(op, InitializerOp):
            self._constant(op, op.weight)
        elif isinstance(op, IfOp):
            self._choose(op)
        elif isinstance(op, OnnxOp):
            try:
                self._visit_onnx(op)
            except (NotAffine, ValueError, IndexError) as error:
                raise unsupported(op, str(error)) from None

    def _choose(self, op: IfOp) -> None:
        """Put the branch that a known condition chooses in place of an If."""
        condition = known_scalar(op.condition, self.lookup)
        if condition is None or not condition.is_const:
            what = "the condition depends on data, not on shapes alone"
            raise unsupported(op, what, "export the model without If")
        *body, end = op.branch(condition != Affine()).block.ops
        for inner in body:
            move(inner, op)
            self.visit(inner)
        self.replace(op, [(value, self.lookup(value)) for value in end.operands])

    def _visit_onnx(self, op: OnnxOp) -> None:
        if op.OP_TYPE in VIEWS and op.DOMAIN == "":
            self._replace_by_views(op)
        elif op.OP_TYPE in SPECIAL and op.DOMAIN == "":
            SPECIAL[op.OP_TYPE](self, op)
        else:
            self._type(op)

    def _type(self, op: OnnxOp) -> None:
        """Type the results in place, and note their content if a rule knows it."""

        def operand_elements(name: str) -> Elements | None:
            return known_elements(op.get(name), self.lookup)

        known = self._known(op)
        key = None if known is None else key_of(op, known)
        if key is not None and key in self.types:
            for result, tensor in zip(op.results, self.types[key][0], strict=True):
                retype(result, tensor_type(tensor))
            return
        kept = kept_by(op)
        for result, dims in zip(op.results, infer(op, operand_elements), strict=True):
            retype(result, tensor_type(Tensor(tuple(dims), tensor_of(result).dtype)))
        rule = RULES.get(op.OP_TYPE)
        content = rule(op, self.lookup, self.ranges) if rule is not None else None
        if content is not None:
            self.contents[op.results[0]] = content
        elif key is not None:
            self.types[key] = [tensor_of(result) for result in op.results], kept

    def _known(self, op: OnnxOp) -> Key | None:
        """The elements of operands that are known; None if the first is one of them, or a line."""
        key: list[object] = []
        for value in op.operands:
            content = self.contents.get(value)
            if content is not None and (not key or not isinstance(content, Elements)):
                return None
            key.append(content and content.key)
        return tuple(key) if key else None

    def _replace_by_views(self, op: OnnxOp) -> None:
        def views() -> Viewed:
            return VIEWS[op.OP_TYPE](op, Views(Build(op), self.lookup, self.ranges))

        known = self._known(op)
        if known is None:
            self.replace(op, views())
            return
        values = self.templates.made(op, lambda: [value for value, _ in views()], known)
        self.replace(op, [(value, None) for value in values if value is not None])

    def replace(self, op: Operation, results: Sequence[tuple[SSAValue, Content | None]]) -> None:
        for old, (new, content) in zip(op.results, results, strict=False):
            if content is not None and new not in self.contents:
                self.contents[new] = content
            assert tensor_of(old).dtype == tensor_of(new).dtype, f"{op.name}: not of its type"
            retype(old, new.type)
            replace(old, new)
        erase(op)

    def _constant(self, op: Operation, weight: Weight) -> None:
        value = Build(op).constant(self.small(weight))
        self.replace(op, [(value, self.weight_content(weight))])

    def small(self, weight: Weight) -> Weight:
        """Constants that fit stand in the IR, so that they fold and print."""
        if isinstance(weight, Inline) or nbytes(weight.shape, weight.dtype) > INLINE_LIMIT:
            return weight
        return inline(read(weight, self.folder))

    def weight_content(self, weight: Weight) -> Content | None:
        if weight.dtype.is_float or nbytes(weight.shape, ElementType.U8) > ELEMENTS_LIMIT:
            return None
        return elements(read(weight, self.folder).astype(np.int64))


def _constant(resolver: Resolver, op: OnnxOp) -> None:
    """The node Constant in its forms: a tensor, or one number or list as an attribute."""
    for name in ("value", "value_int", "value_ints", "value_float", "value_floats"):
        value = attribute(op, name)
        if isinstance(value, int | float | list):
            dtype = np.float32 if "float" in name else np.int64
            weight: Weight = inline(np.asarray(value, dtype))
        elif value is None or isinstance(value, str):
            continue
        else:
            weight = value
        built = Build(op).constant(resolver.small(weight))
        resolver.replace(op, [(built, resolver.weight_content(weight))])
        return
    raise unsupported(op, "a Constant that is neither a tensor nor a number")


def _constant_of_shape(resolver: Resolver, op: OnnxOp) -> None:
    dims = known_elements(op.operands[0], resolver.lookup)
    if dims is None:
        raise ValueError("the shape depends on data, not on shapes alone")
    weight = attribute(op, "value")
    value = np.zeros((), np.float32)
    if weight is not None and not isinstance(weight, int | float | str | list):
        value = read(weight, resolver.folder).reshape(())
    dtype = ElementType.of(value.dtype)
    assert dtype is not None
    built = Build(op).fill(value.item(), dims.flat(), dtype)
    resolver.replace(op, [(built, Fill(value))])


def _range(resolver: Resolver, op: OnnxOp) -> None:
    extent = range_dims(op, resolver.lookup, resolver.ranges)
    line = RULES["Range"](op, resolver.lookup, resolver.ranges)
    if extent is None or not isinstance(line, Line):
        raise ValueError("the bounds of a Range depend on data, not on shapes alone")
    dtype = tensor_of(op.operands[0]).dtype
    built = Build(op).iota(line.base, line.coefficients, (extent,), dtype)
    resolver.replace(op, [(built, line)])


def _shape(resolver: Resolver, op: OnnxOp) -> None:
    content = RULES["Shape"](op, resolver.lookup, resolver.ranges)
    assert isinstance(content, Elements)
    retype(op.results[0], tensor(content.array.shape, ElementType.I64))
    resolver.contents[op.results[0]] = content


def _size(resolver: Resolver, op: OnnxOp) -> None:
    retype(op.results[0], tensor((), ElementType.I64))
    content = RULES["Size"](op, resolver.lookup, resolver.ranges)
    if content is not None:
        resolver.contents[op.results[0]] = content


SPECIAL = {
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "Shape": _shape,
    "Size": _size,
}
