"""
The node tests of the ONNX standard as functions of the `onnx` level.

A case is taken as it stands but for f64, which the machine lacks and which becomes f32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test import loader
from xdsl.builder import Builder
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, NameLoc, NoneAttr, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from dialects.errors import CompileError
from dialects.lpu import ops
from dialects.lpu.execution import run_function
from dialects.lpu.interface import Interface, InterfaceAttr, Value
from dialects.lpu.ops import tensor_of
from dialects.lpu.types import Tensor, TensorType, tensor
from dialects.lpu.weights import INLINE_LIMIT, WeightAttr, inline
from dialects.onnx import OnnxOp, create, op_class
from dialects.onnx.attributes import to_attribute
from dialects.onnx.schemas import attribute_value, find_schema
from passes.onnx.check_operators import OnnxCheckOperatorsPass
from passes.onnx.convert_to_lpu import ConvertOnnxToLpuPass
from passes.onnx.resolve_shapes import OnnxResolveShapesPass
from runtime.numerics import ElementType

Array = np.ndarray[Any, np.dtype[Any]]


class NotOurs(Exception):
    """A case outside of what single nodes on our element types can say."""


@dataclass(frozen=True)
class Case:
    """One node with inputs and expected outputs; an optional input left out is None."""

    name: str
    node: onnx.NodeProto
    opset: int
    inputs: tuple[Array | None, ...]
    outputs: tuple[Array, ...]
    rtol: float
    atol: float


def _array(value: object) -> Array:
    array = numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value
    if isinstance(array, np.generic):
        array = np.asarray(array)
    if not isinstance(array, np.ndarray):
        raise NotOurs(f"a {type(value).__name__}, not a tensor")
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    if ElementType.of(array.dtype) is None:
        raise NotOurs(f"element type {array.dtype}")
    return array


def load(test: loader.TestCase) -> Case:
    """Read a case of the onnx package; `NotOurs` says why not."""
    model, data = test.model, test.data_sets
    assert model is not None and data is not None
    if len(model.graph.node) != 1:
        raise NotOurs("several nodes")
    node = model.graph.node[0]
    opsets = {o.domain: o.version for o in model.opset_import}
    if node.domain not in ("", "ai.onnx"):
        raise NotOurs(f"domain {node.domain}")
    given, expected = data[0]
    named = {i.name: v for i, v in zip(model.graph.input, given, strict=True)}
    inputs = tuple(_array(named[name]) if name else None for name in node.input)
    outputs = tuple(map(_array, expected))
    return Case(test.name, node, opsets[""], inputs, outputs, test.rtol, test.atol)


LOWERING: tuple[ModulePass, ...] = (
    OnnxCheckOperatorsPass(),
    OnnxResolveShapesPass(),
    ConvertOnnxToLpuPass(),
)
"""Extents are those that the compiler finds, never taken from the expected outputs."""


def node_tests() -> Iterator[loader.TestCase]:
    yield from loader.load_model_tests(kind="node")


def type_of(array: Array) -> TensorType:
    element = ElementType.of(array.dtype)
    assert element is not None
    return tensor(array.shape, element)


def _attributes(node: onnx.NodeProto) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {}
    for proto in node.attribute:
        kind = onnx.AttributeProto.AttributeType.Name(proto.type)
        if kind == "TENSOR":
            value = inline(numpy_helper.to_array(proto.t))
        elif kind in ("INT", "FLOAT", "STRING", "INTS", "FLOATS", "STRINGS"):
            value = attribute_value(proto)
        else:
            raise NotOurs(f"attribute of kind {kind}")
        attributes[proto.name] = to_attribute(kind, value)
    return attributes


def _is_constant(array: Array, kinds: str) -> bool:
    return array.dtype.kind in kinds and array.nbytes <= INLINE_LIMIT


def build(case: Case, kinds: str) -> tuple[ModuleOp, FuncOp]:
    """The case as a function; small inputs of these kinds of numpy types are constants."""
    cls, schema = (
        op_class(case.node.domain, case.node.op_type),
        find_schema(case.node.domain, case.node.op_type, case.opset),
    )
    if cls is None or schema is None:
        raise NotOurs(f"no schema of {case.node.op_type}")
    given = [(i, a) for i, a in enumerate(case.inputs) if a is not None]
    arguments = [(i, a) for i, a in given if not _is_constant(a, kinds)]
    block = Block(arg_types=[type_of(a) for _, a in arguments])
    values: dict[int, SSAValue] = {i: v for (i, _), v in zip(arguments, block.args, strict=True)}
    builder = Builder(InsertPoint.at_end(block))
    for i, array in given:
        if i not in values:
            weight = WeightAttr(inline(array))
            op = ops.ConstantOp.create(properties={"value": weight}, result_types=[type_of(array)])
            values[i] = builder.insert(op).results[0]
    node = builder.insert(_node(case, cls, schema.since_version, values))
    used = [r for r, name in zip(node.results, case.node.output, strict=True) if name]
    builder.insert(ReturnOp(*used))
    return _function(block, [i for i, _ in arguments])


def _node(case: Case, cls: type[OnnxOp], version: int, values: dict[int, SSAValue]) -> OnnxOp:
    inputs = [values.get(i) for i in range(len(case.inputs))]
    outputs = iter(case.outputs)
    dtypes = [
        type_of(next(outputs)).data.dtype if name else ElementType.F32 for name in case.node.output
    ]
    types = [TensorType(Tensor(None, dtype)) for dtype in dtypes]
    node = create(cls, inputs, types, version, _attributes(case.node))
    node.location = NameLoc(StringAttr(case.name), NoneAttr())
    node.verify()
    return node


def _function(block: Block, inputs: list[int]) -> tuple[ModuleOp, FuncOp]:
    last = block.last_op
    assert isinstance(last, ReturnOp)
    types = ([a.type for a in block.args], [v.type for v in last.arguments])
    function = FuncOp("step", types, Region(block))
    ports = (
        tuple(
            Value(str(i), "data", tensor_of(a).dtype)
            for i, a in zip(inputs, block.args, strict=True)
        ),
        tuple(Value(str(i), "data", tensor_of(v).dtype) for i, v in enumerate(last.arguments)),
    )
    function.attributes["lpu.interface"] = InterfaceAttr(Interface(*ports))
    return ModuleOp([function]), function


def run(case: Case, kinds: str, passes: Sequence[ModulePass]) -> list[Array]:
    """Rewrite and execute; the outputs in order."""
    module, function = build(case, kinds)
    for step in passes:
        step.apply(Context(), module)
        module.verify()
    inputs = {str(i): a for i, a in enumerate(case.inputs) if a is not None}
    outputs = run_function(function, inputs, {}, Path())
    return [outputs[str(i)] for i in range(len(outputs))]


def outcome(case: Case) -> str:
    """`passed`, or what is wrong; `CompileError` if the node is refused whatever is constant."""
    try:
        outputs = run(case, "", LOWERING)
    except CompileError:
        try:
            outputs = run(case, "ib", LOWERING)
        except CompileError:
            outputs = run(case, "fibV", LOWERING)
    return differences(case, outputs) or "passed"


def _tolerance(case: Case, array: Array) -> tuple[float, float]:
    """That of the case, but not below what two roundings of the element type allow."""
    steps = {np.dtype(np.float16): 2e-3, np.dtype(ml_dtypes.bfloat16): 2e-2}
    step = steps.get(array.dtype, 1e-5)
    return max(case.rtol, step), max(case.atol, step / 10)


def differences(case: Case, outputs: list[Array]) -> str | None:
    """What is wrong with the outputs; None if nothing is."""
    for expected, got in zip(case.outputs, outputs, strict=True):
        if (expected.shape, expected.dtype) != (got.shape, got.dtype):
            return f"expected {expected.shape} {expected.dtype}, got {got.shape} {got.dtype}"
        rtol, atol = _tolerance(case, expected)
        wide = np.float32 if expected.dtype.itemsize < 4 else expected.dtype
        if not np.allclose(expected.astype(wide), got.astype(wide), rtol, atol, equal_nan=True):
            return f"expected {expected.ravel()[:8]}, got {got.ravel()[:8]}"
    return None
