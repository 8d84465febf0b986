"""
The constants of a model as the package onnx reads them, by the names of initializers and nodes.

Level `onnx` computes with these, so that what the importer notes of a weight, and what reads that,
is judged by something else.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto, numpy_helper
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation

from dialects.errors import node_names
from dialects.lpu.tensors import tensor_of
from dialects.lpu.weights import read
from dialects.names import unescape
from dialects.onnx.ops import InitializerOp
from passes.analysis.functions import model_folder
from runtime.errors import Malformed

Array = np.ndarray[Any, np.dtype[Any]]


LONGER: dict[int, type[np.integer[Any]]] = {
    TensorProto.INT4: np.int8,
    TensorProto.UINT4: np.uint8,
    TensorProto.INT16: np.int32,
    TensorProto.UINT16: np.int32,
}
"""Types that no level has, and those of the same numbers."""


class Initializers:
    """The graph of one model file, and its constants, each read when it is asked for."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        proto = ModelProto.FromString(path.read_bytes())
        self.graph = graph = proto.graph
        imported = {one.domain: one.version for one in proto.opset_import}
        self.opsets = imported | {"": imported.get("", imported.get("ai.onnx", 1))}
        self._tensors = dict(_tensors(graph))
        for node in graph.node:
            self._tensors.pop(node.name, None)
        self._tensors |= dict(_constants(graph))

    def __call__(self, op: Operation) -> Array | None:
        """What an operation that holds a constant is; None if the file has no such name."""
        names = node_names(op)
        tensor = self._tensors.get(unescape(names[0])) if len(names) == 1 else None
        if tensor is None or tensor_of(op.results[0]).static_shape() != tuple(tensor.dims):
            return None
        array = self._array(tensor)
        wider = LONGER.get(tensor.data_type)
        return array if wider is None else array.astype(wider)

    def _array(self, tensor: TensorProto) -> Array:
        if tensor.data_location != TensorProto.EXTERNAL:
            return numpy_helper.to_array(tensor)
        entries = {entry.key: entry.value for entry in tensor.external_data}
        whole = TensorProto(data_type=tensor.data_type, dims=tensor.dims)
        with (self.folder / entries["location"]).open("rb") as file:
            file.seek(int(entries.get("offset") or 0))
            whole.raw_data = file.read(int(entries.get("length") or -1))
        return numpy_helper.to_array(whole)


def _tensors(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    for tensor in graph.initializer:
        yield tensor.name, tensor


def _constants(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and node.name and attribute.name == "value":
                yield node.name, attribute.t


def initializers_of(module: ModuleOp) -> Initializers | None:
    """The constants of the file that a module was imported from, where it says which."""
    name = module.attributes.get("lpu.model")
    if not isinstance(name, StringAttr):
        return None
    path = model_folder(module) / unescape(name.data)
    if not path.is_file():
        return None
    status = path.stat()
    return _read(path.resolve(), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=2)
def _read(path: Path, modified: int, size: int) -> Initializers:
    del modified, size
    return Initializers(path)


def misread(module: ModuleOp) -> Iterator[tuple[Operation, str]]:
    """The initializers of which the importer has noted something else than the file holds."""
    right, folder = initializers_of(module), model_folder(module)
    if right is None:
        return
    for op in module.walk():
        if not isinstance(op, InitializerOp) or (expected := right(op)) is None:
            continue
        try:
            got = read(op.weight, folder)
        except Malformed as error:
            yield op, f"cannot be read as the importer says: {error}"
            continue
        if got.dtype != expected.dtype:
            yield op, f"is read as {got.dtype}, the file has {expected.dtype}"
        elif got.tobytes() != np.ascontiguousarray(expected).tobytes():
            yield op, "is read as other numbers than the file has"
