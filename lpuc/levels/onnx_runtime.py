"""
ONNX Runtime as the reference that `verify` compares with; needs the package onnxruntime.

It computes what the file says: its optimisations of graphs are off, and where the file allows it to
quantise the activations of a product (`accuracy_level`), it may not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto
from onnx.helper import tensor_dtype_to_np_dtype

from lpuc.errors import UserError
from lpuc.onnx_import.widening import widened

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]
Runner = Callable[[Arrays], Arrays]

FULL_ACCURACY = 1
"""The `accuracy_level` with which a product of quantised weights computes in f32."""
EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"
LARGEST = (1 << 31) - 1
"""Bytes of a model in one piece."""
SHORT = {TensorProto.FLOAT16: "f16", TensorProto.BFLOAT16: "bf16"}
"""Floats that round more than f32, by their names as precisions."""


BYTES, HALVES = "i8", "i16"
"""What models round to that quantise values while they run, as names of tolerances."""
QUANTISING = ("DynamicQuantize", "QLinear", "QGemm")
"""How the names of operators begin that do so."""


class Refusal(UserError):
    """ONNX Runtime takes a model, or inputs, for wrong."""


def _runtime() -> Any:
    try:
        return import_module("onnxruntime")
    except ImportError:
        hint = "pip install 'lpuc[verify]'"
        raise UserError(f"verify needs the package onnxruntime: {hint}") from None


def nodes_of(graph: GraphProto) -> Iterator[NodeProto]:
    """The nodes of a graph, and of the graphs in their attributes."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from nodes_of(attribute.g)


class Reference:
    """
    What ONNX Runtime makes of the inputs of a model; `notes` say how it was held.

    Inputs that are `given` one value each need not be among those of a call.
    """

    def __init__(self, model: Path, given: Mapping[str, float] | None = None) -> None:
        self.folder, self.notes = model.parent, list[str]()
        self.proto = ModelProto.FromString(model.read_bytes())
        self._ran, self._types = self.proto, dict[str, Any]()
        held = self._hold()
        try:
            self._session = self._open(self.proto.SerializeToString() if held else str(model))
        except Refusal as refusal:
            self._session = self._widened(refusal)
        self._given = _filled(self.proto.graph, given or {})
        self._names: list[str] = [output.name for output in self._session.get_outputs()]

    def __call__(self, inputs: Arrays) -> Arrays:
        """The outputs by name; `Refusal` if ONNX Runtime cannot compute them."""
        found = _run(self._session, self._names, _wide({**self._given, **inputs}))
        return {n: v.astype(self._types[n]) if n in self._types else v for n, v in found.items()}

    def _widened(self, refusal: Refusal) -> Any:
        """A session of the model in f32, where ONNX Runtime refuses it and it has bf16."""
        wide = widened(self.proto, self.folder)
        if wide is None or wide.ByteSize() > LARGEST:
            raise refusal
        outputs = self.proto.graph.output
        short = [o.name for o in outputs if o.type.tensor_type.elem_type == TensorProto.BFLOAT16]
        self._ran, self._types = wide, dict.fromkeys(short, ml_dtypes.bfloat16)
        session = self._open(wide.SerializeToString())
        self.notes.append("ONNX Runtime has no bf16 for some node; it computes the file in f32")
        return session

    @cached_property
    def narrowest(self) -> str:
        """The shortest floats of the file, as a precision; integers if it quantises activations."""
        graph = self.proto.graph
        integers = {one for node in nodes_of(graph) if (one := self._quantised(node))}
        if BYTES in integers:
            return BYTES
        kinds = {port.type.tensor_type.elem_type for port in (*graph.input, *graph.output)}
        kinds |= {tensor.data_type for tensor in graph.initializer}
        for node in nodes_of(graph):
            kinds |= {a.i for a in node.attribute if node.op_type == "Cast" and a.name == "to"}
        found = [name for kind, name in SHORT.items() if kind in kinds]
        return found[-1] if found else max(integers, default="f32")

    @cached_property
    def _held(self) -> Mapping[str, int]:
        """The types of constants by name."""
        graph = self.proto.graph
        held = {tensor.name: tensor.data_type for tensor in graph.initializer}
        constants = (node for node in graph.node if node.op_type == "Constant")
        made = (
            (n.output[0], a.t.data_type)
            for n in constants
            for a in n.attribute
            if a.name == "value"
        )
        return held | dict(made)

    def _quantised(self, node: NodeProto) -> str | None:
        """What a node rounds activations to, if it does."""
        if node.op_type.startswith(QUANTISING):
            return BYTES
        if node.op_type != "QuantizeLinear" or node.input[0] in self._held:
            return None
        named = next((a.i for a in node.attribute if a.name == "output_dtype"), 0)
        kind = named or self._held.get(node.input[2] if len(node.input) > 2 else "", 0)
        return HALVES if kind in (TensorProto.INT16, TensorProto.UINT16) else BYTES

    def values(self, inputs: Arrays) -> Arrays:
        """The results of all nodes of the graph by name, outputs included."""
        session, names = self._inner
        return _run(session, names, _wide({**self._given, **inputs}))

    @cached_property
    def _inner(self) -> tuple[Any, list[str]]:
        """A session that gives away what is between inputs and outputs."""
        proto = ModelProto()
        proto.CopyFrom(self._ran)
        known = {output.name for output in proto.graph.output}
        names = [name for node in proto.graph.node for name in node.output if name]
        proto.graph.output.extend(ValueInfoProto(name=n) for n in names if n not in known)
        return self._open(proto.SerializeToString()), names

    def _hold(self) -> int:
        """Let no product quantise its activations; how many might have."""
        attributes = (a for node in nodes_of(self.proto.graph) for a in node.attribute)
        loose = [a for a in attributes if a.name == "accuracy_level" and a.i > FULL_ACCURACY]
        for attribute in loose:
            attribute.i = FULL_ACCURACY
        if loose:
            self.notes.append(
                f"the file lets {len(loose)} products quantise their activations; "
                "ONNX Runtime is held to full accuracy"
            )
        return len(loose)

    def _open(self, model: str | bytes) -> Any:
        """A session on one thread that prints nothing and rewrites nothing, if it can."""
        runtime = _runtime()
        levels = runtime.GraphOptimizationLevel
        try:
            return self._session_of(model, levels.ORT_DISABLE_ALL)
        except Exception as first:  # those of ONNX Runtime have no other common base
            try:
                session = self._session_of(model, levels.ORT_ENABLE_ALL)
            except Exception:
                raise Refusal(f"ONNX Runtime refuses the model: {first}") from first
        note = "ONNX Runtime runs the model with its optimisations only; they are on"
        self.notes += [note] if note not in self.notes else []
        return session

    def _session_of(self, model: str | bytes, level: Any) -> Any:
        return session_of(model, level, self.folder if isinstance(model, bytes) else None)


def session_of(model: str | bytes, level: Any = None, folder: Path | None = None) -> Any:
    """
    A session on one thread that prints nothing; raises what ONNX Runtime does.

    Graphs are as they are unless a `level` of optimisations is given; `folder` has external data.
    """
    runtime = _runtime()
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.log_severity_level = 4
    plain = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    settings.graph_optimization_level = plain if level is None else level
    if folder is not None:
        settings.add_session_config_entry(EXTERNAL_FOLDER, str(folder.resolve()))
    return runtime.InferenceSession(model, settings, ["CPUExecutionProvider"])


def _filled(graph: GraphProto, given: Mapping[str, float]) -> Arrays:
    """Arrays for the inputs that are given one value each; that they can be is the importer's."""
    found = dict[str, Array]()
    for port in graph.input:
        if port.name in given:
            kind = port.type.tensor_type
            shape = [dim.dim_value for dim in kind.shape.dim]
            found[port.name] = np.full(shape, given[port.name]).astype(
                tensor_dtype_to_np_dtype(kind.elem_type)
            )
    return found


def _wide(inputs: Arrays) -> Arrays:
    """Inputs as ONNX Runtime takes them from Python, which has no bf16."""
    short = ml_dtypes.bfloat16
    return {n: v.astype(np.float32) if v.dtype == short else v for n, v in inputs.items()}


def _run(session: Any, names: list[str], inputs: Arrays) -> Arrays:
    try:
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))
    except Exception as error:  # those of ONNX Runtime have no other common base
        raise Refusal(f"ONNX Runtime cannot run the model: {error}") from error
