"""
The compiler behind the interface that the onnx package defines for backends.

```python
from lpuc import onnx_backend

outputs = onnx_backend.prepare(onnx.load("model.onnx")).run([ids, mask])
```

A model is compiled down to a program, in f32 unless `precision` says otherwise, and the program is
run. Programs are executed on the host, so `CPU` is the only device. Keywords are those of
`lpuc.compile`.

Extents that a model leaves open are those of the inputs of a call: a call with other extents
compiles again, and what is compiled is kept. What a model says of the extents of its outputs is not
read.

`onnx.backend.test.BackendTest(LpucBackend, __name__)` drives it through the tests of the standard.
A test is skipped where its model asks for what the compiler lacks, and only there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorShapeProto, ValueInfoProto, helper
from onnx.backend.base import Backend, BackendRep, namedtupledict
from onnx.backend.test.runner import BackendIsNotSupposedToImplementIt

import lpuc
from dialects.errors import Unsupported
from lpuc.program import Program
from runtime.errors import Unlinkable

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int, ...]

DEVICE = "CPU"


class LpucRep(BackendRep):
    """A model, compiled for each set of extents of its inputs that it has met."""

    def __init__(self, model: ModelProto, options: Mapping[str, Any]) -> None:
        self.model, self.options = model, options
        self.outputs = [output.name for output in model.graph.output]
        self._result = namedtupledict("Outputs", self.outputs)
        self._programs: dict[tuple[Shape, ...], Program] = {}
        shapes = [_known_shape(info) for info in _inputs(model)]
        known = [shape for shape in shapes if shape is not None]
        if len(known) == len(shapes):
            self._program(known)

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """
        The outputs in the model's order, to be had by position or by name.

        `inputs` are arrays in the order of the graph's inputs, or by name; initialisers are none.
        """
        if kwargs:
            raise TypeError(f"run takes no option '{next(iter(kwargs))}'")
        names = [info.name for info in _inputs(self.model)]
        arrays = _by_name(names, inputs)
        program = self._program([arrays[name].shape for name in names])
        outputs = program.run(arrays)
        return self._result(*(outputs[name] for name in self.outputs))

    def _program(self, shapes: Sequence[Shape]) -> Program:
        key = tuple(shapes)
        if key not in self._programs:
            self._programs[key] = _compiled(_with_extents(self.model, shapes), self.options)
        return self._programs[key]


class LpucBackend(Backend):
    """Compiles and runs models and single nodes."""

    @classmethod
    def is_compatible(cls, model: ModelProto, device: str = DEVICE, **kwargs: Any) -> bool:
        """
        Whether the compiler has what a model asks for, found out by compiling it.

        CompileError says what is wrong with the model itself; extents that it leaves open must be
        among the options, as for `lpuc compile`.
        """
        if not cls.supports_device(device):
            return False
        try:
            _compiled(model, _options(kwargs))
        except BackendIsNotSupposedToImplementIt:
            return False
        return True

    @classmethod
    def prepare(cls, model: ModelProto, device: str = DEVICE, **kwargs: Any) -> LpucRep:
        """
        A model ready to run; it is compiled now if it says all extents of its inputs.

        CompileError says what is wrong with the model, BackendIsNotSupposedToImplementIt what the
        compiler lacks.
        """
        _check_device(device)
        return LpucRep(model, _options(kwargs))

    @classmethod
    def run_model(
        cls, model: ModelProto, inputs: Any, device: str = DEVICE, **kwargs: Any
    ) -> tuple[Any, ...]:
        """Prepare a model and run it once."""
        return cls.prepare(model, device, **kwargs).run(inputs)

    @classmethod
    def run_node(
        cls,
        node: NodeProto,
        inputs: Any,
        device: str = DEVICE,
        outputs_info: Sequence[tuple[np.dtype[Any], Shape]] | None = None,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """
        Run one node on arrays, one for each input that has a name; none of them is a constant.

        `opset_version` is the newest that the onnx package knows unless it is given;
        `outputs_info` is not read: what outputs are follows from the inputs.
        """
        version = kwargs.pop("opset_version", onnx.defs.onnx_opset_version())
        super().run_node(node, inputs, device, outputs_info, opset_version=version)
        _check_device(device)
        arrays = _by_name(list(dict.fromkeys(name for name in node.input if name)), inputs)
        return LpucRep(_model_of(node, arrays, version), _options(kwargs)).run(arrays)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether a device, as `CPU` or `CPU:0`, is the host."""
        return device.partition(":")[0] == DEVICE


is_compatible = LpucBackend.is_compatible
prepare = LpucBackend.prepare
run_model = LpucBackend.run_model
run_node = LpucBackend.run_node
supports_device = LpucBackend.supports_device


def _check_device(device: str) -> None:
    if not LpucBackend.supports_device(device):
        raise BackendIsNotSupposedToImplementIt(f"device {device}: programs run on {DEVICE}")


def _options(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {"precision": "f32", **kwargs}


def _by_name(names: Sequence[str], inputs: Mapping[str, Any] | Sequence[Any]) -> dict[str, Array]:
    """The arrays of a call, which gives them by name or in order."""
    if not isinstance(inputs, Mapping):
        if len(inputs) != len(names):
            raise TypeError(f"there are {len(names)} inputs, {len(inputs)} are given")
        inputs = dict(zip(names, inputs, strict=True))
    for name in names:
        if name not in inputs:
            raise Unlinkable(name, "an array", "nothing")
    return {name: np.asarray(value) for name, value in inputs.items()}


def _inputs(model: ModelProto) -> list[ValueInfoProto]:
    """The inputs that a call gives."""
    fixed = {tensor.name for tensor in model.graph.initializer}
    return [info for info in model.graph.input if info.name not in fixed]


def _known_shape(info: ValueInfoProto) -> Shape | None:
    """The shape of an input if the model says all of it."""
    tensor = info.type.tensor_type
    if info.type.HasField("tensor_type") and not tensor.HasField("shape"):
        return None
    dims = tensor.shape.dim
    return tuple(d.dim_value for d in dims) if all(map(_is_known, dims)) else None


def _is_known(dim: TensorShapeProto.Dimension) -> bool:
    return dim.HasField("dim_value")


def _with_extents(model: ModelProto, shapes: Sequence[Shape]) -> ModelProto:
    """The model with the extents that it leaves open; equal names are equal extents."""
    if all(_known_shape(info) is not None for info in _inputs(model)):
        return model
    closed, found = ModelProto(), dict[str, int]()
    closed.CopyFrom(model)
    for info, shape in zip(_inputs(closed), shapes, strict=True):
        tensor = info.type.tensor_type
        if not tensor.HasField("shape"):
            tensor.shape.dim.extend(TensorShapeProto.Dimension() for _ in shape)
        if len(tensor.shape.dim) != len(shape):
            raise Unlinkable(info.name, f"{len(tensor.shape.dim)} axes", f"{len(shape)} axes")
        for dim, extent in zip(tensor.shape.dim, shape, strict=True):
            _close(info.name, dim, extent, found)
    return closed


def _close(name: str, dim: TensorShapeProto.Dimension, extent: int, found: dict[str, int]) -> None:
    """Give an open dimension its extent, the same for all that have its name."""
    if _is_known(dim):
        return
    if dim.dim_param and found.setdefault(dim.dim_param, extent) != extent:
        raise Unlinkable(name, f"{dim.dim_param} = {found[dim.dim_param]}", f"{extent}")
    dim.dim_value = extent


def _model_of(node: NodeProto, inputs: Mapping[str, Array], version: int) -> ModelProto:
    """A model of one node; what its outputs are is left to the compiler."""
    ports = [_port(name, array) for name, array in inputs.items()]
    results = [ValueInfoProto(name=name) for name in node.output if name]
    graph = helper.make_graph([node], node.op_type, ports, results)
    domains = dict.fromkeys(["", node.domain])
    opsets = [helper.make_opsetid(d, 1 if d else version) for d in domains]
    return helper.make_model(graph, opset_imports=opsets)


def _port(name: str, array: Array) -> ValueInfoProto:
    number = helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor_value_info(name, number, array.shape)


def _compiled(model: ModelProto, options: Mapping[str, Any]) -> Program:
    """What runs a model; its weights are in memory once it is made."""
    with tempfile.TemporaryDirectory(prefix="lpuc-") as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model.SerializeToString())
        try:
            program = lpuc.compile(path, **options)
            program.link()
        except Unsupported as error:
            raise BackendIsNotSupposedToImplementIt(str(error)) from error
        return program
