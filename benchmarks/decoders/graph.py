"""
Write an ONNX model node by node; weights go to a file of external data as they are drawn.

```python
graph = Graph(Path("model.onnx"), seed=0, dtype="f16")
hidden = graph("MatMul", "x", graph.weight("w", 64, 64))
```
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, StringStringEntryProto, TensorProto, helper, numpy_helper

OPSET = 20
IR_VERSION = 10
CHUNK = 1 << 22
"""Elements drawn at a time."""
ALIGNMENT = 4096
"""Of a weight in its file, in bytes, so that files can be mapped."""
SPREAD = 0.02
"""Standard deviation of weights, as in GPT-2 before it is trained."""
TYPES = {"f32": TensorProto.FLOAT, "f16": TensorProto.FLOAT16}


class Graph:
    """A model that grows; calling it appends a node and returns the name of its output."""

    def __init__(self, path: Path, seed: int, dtype: str, has_data: bool = True) -> None:
        self.path, self._has_data = path, has_data
        self.dtype = TYPES[dtype]
        self._model = ModelProto(ir_version=IR_VERSION, producer_name="lpuc-benchmarks")
        self._model.opset_import.add(domain="", version=OPSET)
        self._model.graph.name = "main_graph"
        self._rng = np.random.default_rng(seed)
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._data = path.with_name(path.name + ".data")
        self._targets: dict[tuple[str, ...], str] = {}
        self._file = self._data.open("wb")
        self._values = 0

    def __call__(self, op_type: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Append a node of one output, which is called `name`."""
        names = [name] if name else self._fresh(1)
        self._append(op_type, inputs, names, attributes)
        return names[0]

    def parts(self, op_type: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Append a node of several outputs and return their names."""
        names = self._fresh(outputs)
        self._append(op_type, inputs, names, attributes)
        return names

    def target(self, *parts: str) -> str:
        """Lists of dimensions joined to one, once for all who ask for the same."""
        if parts not in self._targets:
            self._targets[parts] = self("Concat", *parts, axis=0)
        return self._targets[parts]

    def _append(
        self, op_type: str, inputs: tuple[str, ...], outputs: list[str], attributes: dict[str, Any]
    ) -> None:
        node: NodeProto = helper.make_node(op_type, inputs, outputs, **attributes)
        node.name = f"node_{op_type}_{len(self._model.graph.node)}"
        self._model.graph.node.append(node)

    def _fresh(self, count: int) -> list[str]:
        first = self._values
        self._values += count
        return [f"val_{number}" for number in range(first, self._values)]

    def input(self, name: str, dtype: int, *dims: int | str) -> str:
        """An input of the model."""
        self._model.graph.input.append(helper.make_tensor_value_info(name, dtype, dims))
        return name

    def output(self, name: str, dtype: int, *dims: int | str) -> None:
        """An output of the model, the name of a value."""
        self._model.graph.output.append(helper.make_tensor_value_info(name, dtype, dims))

    def ints(self, *values: int) -> str:
        """A list of integers."""
        return self._constant(np.array(values, np.int64))

    def integer(self, value: int) -> str:
        """An integer without axes."""
        return self._constant(np.array(value, np.int64))

    def true(self) -> str:
        """The truth value that an exporter leaves of `ones`."""
        return self._constant(np.array(True))

    def number(self, value: float, dtype: int | None = None) -> str:
        """A number of the type of the model, or of another."""
        wanted = helper.tensor_dtype_to_np_dtype(dtype or self.dtype)
        return self._constant(np.array(value, wanted))

    def floats(self, values: np.ndarray) -> str:
        """A short list of numbers, as it is."""
        return self._constant(values)

    def _constant(self, array: np.ndarray) -> str:
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = self._fresh(1)[0]
            tensor = numpy_helper.from_array(array, self._constants[key])
            self._model.graph.initializer.append(tensor)
        return self._constants[key]

    def weight(self, name: str, *dims: int, spread: float = SPREAD, centre: float = 0.0) -> str:
        """A random weight in the file of external data."""
        tensor = TensorProto(name=name, data_type=self.dtype, dims=dims)
        tensor.data_location = TensorProto.EXTERNAL
        self._file.seek(-self._file.tell() % ALIGNMENT, 1)
        offset = self._file.tell()
        self._draw(math.prod(dims), spread, centre)
        place = {
            "location": self._data.name,
            "offset": offset,
            "length": self._file.tell() - offset,
        }
        for key, value in place.items():
            tensor.external_data.append(StringStringEntryProto(key=key, value=str(value)))
        self._model.graph.initializer.append(tensor)
        return name

    def _draw(self, count: int, spread: float, centre: float) -> None:
        wanted = helper.tensor_dtype_to_np_dtype(self.dtype)
        if not self._has_data:
            self._file.seek(count * wanted.itemsize, 1)
            return
        for start in range(0, count, CHUNK):
            drawn = self._rng.standard_normal(min(CHUNK, count - start), np.float32)
            drawn *= np.float32(spread)
            drawn += np.float32(centre)
            drawn.astype(wanted, copy=False).tofile(self._file)

    def save(self) -> None:
        """Write the model; its weights are in place, or their file is away."""
        self._file.close()
        if not self._has_data:
            self._data.unlink()
        self.path.write_bytes(self._model.SerializeToString())
