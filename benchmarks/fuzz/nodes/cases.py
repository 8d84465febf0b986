"""The node tests of the onnx package as models that say nothing of their outputs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, numpy_helper
from onnx.backend.test import loader

Array = np.ndarray[Any, Any]

CONSTANT_BYTES = 1024
INTEGERS = "iub"
"""Kinds of numpy types: signed, unsigned, boolean."""
ALL = "fiubV"
"""Those and floats; the narrow ones of `ml_dtypes` are void to numpy."""


@dataclass(frozen=True)
class NodeCase:
    """A model with one call; `operator` is what it is about, also where its function is run."""

    name: str
    model: ModelProto
    inputs: Mapping[str, Array]
    expected: Mapping[str, Array]
    rtol: float
    atol: float
    operator: str


@cache
def _tests() -> Mapping[str, loader.TestCase]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy's, on what the tests are made of
        return {test.name: test for test in loader.load_model_tests(kind="node")}


def names() -> list[str]:
    """The names of all node tests, in order."""
    return list(_tests())


def load(name: str, constants: str = "") -> NodeCase:
    """A node test; its small inputs of these kinds of numpy types become initialisers."""
    test = _tests()[name]
    assert test.model is not None and test.data_sets is not None
    ((given, results),) = test.data_sets
    model = without_output_shapes(test.model)
    inputs = _named([i.name for i in model.graph.input], given)
    inputs = freeze(model, inputs, constants)
    expected = _named([o.name for o in model.graph.output], results)
    return NodeCase(name, model, inputs, expected, test.rtol, test.atol, operator_of(name))


def operator_of(name: str) -> str:
    """The operator; what a function of the standard expands to has a test beside its own."""
    own, is_expanded, _ = name.partition("_expanded")
    model = _tests()[own].model
    assert model is not None
    (operator,) = (node.op_type for node in model.graph.node)
    return f"{operator} (expanded)" if is_expanded else operator


def without_output_shapes(model: ModelProto) -> ModelProto:
    """A copy that says the element types of its outputs and nothing else of what it computes."""
    bare = ModelProto()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    for output in bare.graph.output:
        if output.type.HasField("tensor_type"):
            output.type.tensor_type.ClearField("shape")
    return bare


def freeze(model: ModelProto, inputs: Mapping[str, Array], kinds: str) -> Mapping[str, Array]:
    """Make small inputs of some kinds initialisers of a model; returns the inputs that stay."""
    fixed = {name: array for name, array in inputs.items() if _is_small(array, kinds)}
    stay = [info for info in model.graph.input if info.name not in fixed]
    del model.graph.input[:]
    model.graph.input.extend(stay)
    model.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in fixed.items())
    return {name: array for name, array in inputs.items() if name not in fixed}


def _is_small(array: object, kinds: str) -> bool:
    if not isinstance(array, np.ndarray) or array.nbytes > CONSTANT_BYTES:
        return False
    return array.dtype.kind in kinds


def _named(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in zip(names, values, strict=True)}


def _plain(value: object) -> object:
    """An array, if it is one in any form; sequences and absent options stay what they are."""
    if isinstance(value, TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, np.generic):
        return np.asarray(value)
    return value
