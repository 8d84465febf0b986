"""
Give every value its extents, and turn shape and index arithmetic into what it says.

```mlir
func.func @step(%x : !lpu.tensor<[1, P, 8], f32>) -> !lpu.tensor<*, f32> {
  %s = onnx.Shape(%x) {since_version = 15 : i64} : (...) -> !lpu.tensor<*, i64>
  %r = onnx.Reshape(%x, %s) {since_version = 14 : i64} : (...) -> !lpu.tensor<*, f32>
```
becomes
```text
  %r = %x, of type !lpu.tensor<[1, P, 8], f32>
```

One forward walk keeps, beside the extents, the integer content of values (`passes.shapes`): what
depends on shapes alone is never computed at run time. Operators that only move elements become
views of the `lpu` level; contents that data operators read become `lpu.iota`, `lpu.fill` or a small
`lpu.constant`; initialisers become `lpu.constant`. All other operators stay and get typed results.

**Requires** `onnx-bind-roles`. **Ensures** every extent is affine in the symbols. An operand that
decides an extent but depends on data is an error that names the node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import FunctionType, ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from dialects.affine import NotAffine, Ranges
from dialects.errors import unsupported
from dialects.lpu.builder import Build
from dialects.lpu.ops import tensor_of
from dialects.lpu.types import Tensor
from dialects.lpu.weights import INLINE_LIMIT, Inline, Weight, inline, nbytes, read
from dialects.onnx.ops import InitializerOp, OnnxOp
from passes.functions import model_folder, retype, step_function, symbol_ranges
from passes.shapes.content import (
    ELEMENTS_LIMIT,
    Content,
    Elements,
    Fill,
    Line,
    as_elements,
    elements,
)
from passes.shapes.rules import RULES, known_elements, range_dims
from passes.shapes.typing import attribute, infer
from passes.shapes.views import VIEWS, Views
from runtime.numerics import ElementType


@dataclass
class Resolver:
    """The state of the walk: contents so far, and the folder that weights are read from."""

    ranges: Ranges
    folder: Path
    contents: dict[SSAValue, Content] = field(default_factory=dict)

    def lookup(self, value: SSAValue | None) -> Content | None:
        return None if value is None else self.contents.get(value)

    def visit(self, op: Operation) -> None:
        if isinstance(op, InitializerOp):
            self._constant(op, op.weight)
        elif isinstance(op, OnnxOp):
            try:
                self._visit_onnx(op)
            except (NotAffine, ValueError, IndexError) as error:
                raise unsupported(op, str(error)) from None

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

        for result, dims in zip(op.results, infer(op, operand_elements), strict=True):
            retype(result, tensor_of(result).with_dims(dims))
        rule = RULES.get(op.OP_TYPE)
        content = rule(op, self.lookup, self.ranges) if rule is not None else None
        if content is not None:
            self.contents[op.results[0]] = content

    def _replace_by_views(self, op: OnnxOp) -> None:
        views = Views(Build(op), self.lookup, self.ranges)
        self.replace(op, VIEWS[op.OP_TYPE](op, views))

    def replace(self, op: Operation, results: Sequence[tuple[SSAValue, Content | None]]) -> None:
        for old, (new, content) in zip(op.results, results, strict=False):
            if content is not None and new not in self.contents:
                self.contents[new] = content
            old.replace_all_uses_with(new)
        op.detach()
        op.erase()

    def _constant(self, op: Operation, weight: Weight) -> None:
        value = Build(op).constant(self._small(weight))
        self.replace(op, [(value, self.weight_content(weight))])

    def _small(self, weight: Weight) -> Weight:
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
        built = Build(op).constant(resolver._small(weight))
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
    retype(op.results[0], Tensor.of(content.array.shape, ElementType.I64))
    resolver.contents[op.results[0]] = content


def _size(resolver: Resolver, op: OnnxOp) -> None:
    retype(op.results[0], Tensor.of((), ElementType.I64))
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


def materialise(build: Build, content: Content, tensor: Tensor) -> SSAValue | None:
    """The `lpu` operation that makes a known content; None when only its operands can tell."""
    if isinstance(content, Fill):
        return build.fill(content.value.item(), tensor.shape, tensor.dtype)
    if tensor.dtype.is_float:
        return None
    known = as_elements(content, tensor)
    if known is not None and all(e.is_const for e in known.flat()):
        numbers = np.array([e.const for e in known.flat()], np.int64).astype(tensor.dtype.dtype)
        return build.array(numbers.reshape(known.array.shape)) if _fits(numbers) else None
    if tensor.dtype not in (ElementType.I64, ElementType.I32):
        return None
    if isinstance(content, Line):
        return build.iota(content.base, content.coefficients, tensor.shape, tensor.dtype)
    assert isinstance(content, Elements)
    parts = [build.iota(e, (0,), (1,), tensor.dtype) for e in content.flat()]
    return build.reshape(build.concat(parts, 0), tensor.shape) if parts else None


def _fits(array: np.ndarray) -> bool:
    return array.nbytes <= INLINE_LIMIT


def sweep(func: FuncOp, contents: dict[SSAValue, Content]) -> None:
    """From the last operation to the first: drop what nobody reads, make what is known."""
    for op in reversed(list(func.body.block.ops)):
        if isinstance(op, ReturnOp):
            continue
        if not any(result.uses for result in op.results):
            op.detach()
            op.erase()
        elif isinstance(op, OnnxOp) and op.results[0] in contents:
            result = op.results[0]
            made = materialise(Build(op), contents[result], tensor_of(result))
            if made is not None:
                result.replace_all_uses_with(made)
                op.detach()
                op.erase()


def resolve(func: FuncOp, folder: Path) -> None:
    resolver = Resolver(symbol_ranges(func), folder)
    for op in list(func.body.block.ops):
        resolver.visit(op)
    sweep(func, resolver.contents)
    terminator = func.body.block.last_op
    assert isinstance(terminator, ReturnOp)
    inputs = [argument.type for argument in func.body.block.args]
    outputs = [operand.type for operand in terminator.operands]
    func.function_type = FunctionType.from_lists(inputs, outputs)


@dataclass(frozen=True)
class OnnxResolveShapesPass(ModulePass):
    """Resolve extents, scalarise shape arithmetic, turn moves into views."""

    name = "onnx-resolve-shapes"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        resolve(step_function(op), model_folder(op))
