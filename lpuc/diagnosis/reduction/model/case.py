"""A model with the inputs of its calls, and what all of its values are in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, ValueInfoProto, helper

from lpuc.diagnosis.reduction.model.graph import Array, Arrays, Parts, info, results
from lpuc.levels.onnx_runtime import session_of

Values = Mapping[str, Sequence[Array]]
"""What a value is in each call, by name."""


@dataclass(frozen=True)
class Case:
    """
    A model and what it is called with, once or several times.

    `values` are the results of its nodes as far as they are known; None if nobody has looked.
    `extents` are the names that extents of results have in the model.
    """

    model: ModelProto
    calls: Sequence[Arrays]
    values: Values | None = None
    extents: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])

    @property
    def nodes(self) -> int:
        """How many nodes the graph has."""
        return len(self.model.graph.node)

    def key(self) -> bytes:
        """All that tells cases apart."""
        arrays = [
            f"{name}{a.dtype}{a.shape}".encode() + a.tobytes()
            for call in self.calls
            for name, a in sorted(call.items())
        ]
        return b"".join([self.model.SerializeToString(deterministic=True), *arrays])

    def known(self) -> Case:
        """The same with the values of all nodes."""
        return self if self.values is not None else replace(self, values=_values(self))

    def made(self, parts: Parts, fed: Mapping[str, Sequence[Array]] | None = None) -> Case:
        """A case of what outputs of some parts of the model need; `fed` are new inputs."""
        live = parts.live()
        names = [value.name for value in live.inputs]
        calls = [
            {n: fed[n][i] if fed and n in fed else call[n] for n in names}
            for i, call in enumerate(self.calls)
        ]
        return replace(self, model=live.model(self.model), calls=calls)

    def info(self, name: str) -> ValueInfoProto:
        """The type of a value that a node gives."""
        assert self.values is not None, "nobody has looked at the values"
        return info(name, self.values[name], self.extents.get(name))


def runs(case: Case) -> bool:
    """Whether ONNX Runtime takes a model and its inputs."""
    try:
        runner = session_of(case.model.SerializeToString())
        for call in case.calls:
            runner.run(None, dict(call))
    except Exception:  # those of ONNX Runtime have no other common base
        return False
    return True


def results_of(case: Case) -> dict[str, Array] | None:
    """What ONNX Runtime makes of the first call; None if it does not take it."""
    try:
        runner = session_of(case.model.SerializeToString())
        names = [output.name for output in runner.get_outputs()]
        found = runner.run(names, dict(case.calls[0]))
    except Exception:  # those of ONNX Runtime have no other common base
        return None
    return {name: np.asarray(value) for name, value in zip(names, found, strict=True)}


def is_standard(model: ModelProto) -> bool:
    """Whether the checker of the standard takes a model."""
    checker: Any = import_module("onnx.checker")
    try:
        checker.check_model(model)
    except (checker.ValidationError, ValueError):
        return False
    return True


def extent_names(model: ModelProto) -> dict[str, list[str]]:
    """The names of extents of results, as far as inference knows them by those of the inputs."""
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception:  # inference has several classes of errors, and says less if it fails
        return {}
    given = {d.dim_param for value in model.graph.input for d in value.type.tensor_type.shape.dim}
    found: dict[str, list[str]] = {}
    for value in inferred.graph.value_info:
        names = [d.dim_param for d in value.type.tensor_type.shape.dim]
        if any(names):
            found[value.name] = [name if name in given else "" for name in names]
    return found


def _values(case: Case) -> Values:
    """The results of all nodes; of a model that nobody can run, ones of the types that follow."""
    names = list(dict.fromkeys(n for node in case.model.graph.node for n in results(node)))
    return _by_runtime(case, names) or _by_reference(case, names) or _by_types(case)


def _shown(model: ModelProto, names: Iterable[str]) -> ModelProto:
    """A model that gives more of its values."""
    shown = ModelProto()
    shown.CopyFrom(model)
    given = {output.name for output in model.graph.output}
    shown.graph.output.extend(ValueInfoProto(name=name) for name in names if name not in given)
    return shown


def _by_runtime(case: Case, names: Sequence[str]) -> dict[str, list[Array]]:
    try:
        runner = session_of(_shown(case.model, names).SerializeToString())
        found = [runner.run(names, dict(call)) for call in case.calls]
    except Exception:  # those of ONNX Runtime have no other common base
        return {}
    return _columns(names, found)


def _by_reference(case: Case, names: Sequence[str]) -> dict[str, list[Array]]:
    """What the evaluator of the standard makes of what ONNX Runtime does not take."""
    from onnx.reference import ReferenceEvaluator

    try:
        runner: Any = ReferenceEvaluator(_shown(case.model, names))
        found = [runner.run(list(names), dict(call)) for call in case.calls]
    except Exception:  # operators raise what they like
        return {}
    return _columns(names, found)


def _by_types(case: Case) -> dict[str, list[Array]]:
    """Ones where inference knows the type; extents that it does not know are 1."""
    try:
        inferred = onnx.shape_inference.infer_shapes(case.model, data_prop=True)
    except Exception:  # inference has several classes of errors
        return {}
    found: dict[str, list[Array]] = {}
    for value in inferred.graph.value_info:
        kind = value.type.tensor_type
        if kind.elem_type and kind.HasField("shape"):
            dims = [dim.dim_value or 1 for dim in kind.shape.dim]
            ones = np.ones(dims, helper.tensor_dtype_to_np_dtype(kind.elem_type))
            found[value.name] = [ones] * len(case.calls)
    return found


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Array]]:
    """By name; what is no array, a sequence for example, is left out."""
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    return {
        name: [np.asarray(value) for value in column]
        for name, column in columns.items()
        if all(isinstance(value, np.ndarray | np.generic) for value in column)
    }
