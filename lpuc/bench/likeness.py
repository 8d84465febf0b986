"""
What may be compared: the same numbers, on the same text, with the same threads.

    refuse_unlike(subject, model)       # Unlike: the model's file is in f32, the program in f16
    refuse_other_logits(ours, theirs, "f16")
    refuse_other_run(before, now)

Times of unlike things look like a result and are none: an f16 program reads half of what an f32
file has ONNX Runtime read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, helper

from lpuc.errors import UserError
from lpuc.files.kinds import MODEL, require
from lpuc.levels.onnx_runtime import nodes_of
from lpuc.levels.tolerance import TOLERANCES, departure
from runtime.isa.instructions.memory import Stream
from runtime.numerics.elements import ElementType
from runtime.program.program import Program

SHORT = {"FLOAT": "f32", "FLOAT16": "f16", "BFLOAT16": "bf16", "DOUBLE": "f64"}
LENIENCE = 10
"""Logits of one model may be so many tolerances apart: another one is off by thousands."""


class Unlike(UserError):
    """Two things that say nothing about each other."""


@dataclass(frozen=True)
class Subject:
    """What runs on our side: the type of its products, for how many machines, and its ports."""

    precision: str
    devices: int
    ports: tuple[tuple[str, ...], tuple[str, ...]]
    parameters: int
    """Bytes of them, of one machine."""
    arena: int
    """Bytes of all else that it declares."""

    @staticmethod
    def of(program: Program) -> Subject:
        """By what the code streams: weights and the cache."""
        kinds = Counter(inst.src.type for inst in program.code if isinstance(inst, Stream))
        floats = [kind for kind, _ in kinds.most_common() if kind.is_float]
        interface = program.interface
        inputs = tuple(port.name for port in interface.inputs)
        ports = (inputs, tuple(port.name for port in interface.outputs))
        precision = str(floats[0] if floats else ElementType.F32)
        sizes = (interface.params_size, interface.arena_size)
        return Subject(precision, program.devices, ports, *sizes)


@dataclass(frozen=True)
class Model:
    """A model's file: the type that most bytes of its weights have, its ports, all its files."""

    precision: str
    ports: tuple[tuple[str, ...], tuple[str, ...]]
    files: tuple[Path, ...]

    @staticmethod
    def read(path: Path) -> Model:
        """Without its weights, where they lie in other files; UserError for what is no model."""
        require(path, MODEL)
        try:
            graph = ModelProto.FromString(path.read_bytes()).graph
        except DecodeError:
            raise UserError("is no ONNX model, or a damaged one", file=path) from None
        tensors, sizes, files = [*graph.initializer], Counter[str](), {path: None}
        for node in nodes_of(graph):
            tensors += [a.t for a in node.attribute if a.name == "value" and a.HasField("t")]
            tensors += [tensor for a in node.attribute for tensor in a.g.initializer]
        for tensor in tensors:
            sizes[TensorProto.DataType.Name(tensor.data_type)] += _bytes(tensor)
            places = (entry.value for entry in tensor.external_data if entry.key == "location")
            files |= {path.parent / place: None for place in places}
        name = max(sizes, key=lambda kind: sizes[kind], default="FLOAT")
        held = {tensor.name for tensor in graph.initializer}
        inputs = tuple(port.name for port in graph.input if port.name not in held)
        ports = (inputs, tuple(port.name for port in graph.output))
        return Model(SHORT.get(name, name.lower()), ports, tuple(files))


def _bytes(tensor: TensorProto) -> int:
    if tensor.data_type == TensorProto.STRING:
        return 0
    return prod(tensor.dims) * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize


def refuse_unlike(subject: Subject, model: Model, *, may_differ: bool = False) -> None:
    """
    `Unlike` unless the program computes what the file says, with its types, on one machine.

    Types `may_differ` where somebody says so.
    """
    if subject.ports != model.ports:
        raise Unlike("the program has other inputs or outputs than the model; name its own model")
    if subject.devices > 1:
        raise Unlike(
            f"the program is for {subject.devices} machines, which take turns on this one; "
            "compile with --devices 1"
        )
    if subject.precision != model.precision and not may_differ:
        can = (
            f"compile with --precision {model.precision}, " if model.precision in TOLERANCES else ""
        )
        raise Unlike(
            f"the model's file is in {model.precision}, the program in {subject.precision}; {can}"
            f"give a file in {subject.precision} as --model, or --unlike to time both all the same"
        )


def refuse_other_logits(
    ours: Sequence[float], theirs: Sequence[float], precisions: Sequence[str]
) -> None:
    """`Unlike` if the logits of a short text are not those of one model."""
    bound = LENIENCE * max(TOLERANCES.get(precision, 0.0) for precision in precisions)
    got, expected = np.array([ours]), np.array([theirs])
    off = departure(got, expected)
    if not off <= bound:
        raise Unlike(
            f"logits differ by {off:.1e} of the largest, more than {bound:.0e}: the program was "
            "not compiled from this file, or the file changed since; `lpuc verify` tells whether a "
            "compilation is right"
        )


def refuse_other_run(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """`Unlike` if a result that was kept is of another setting; both as `Result.as_dict`."""
    for key, name in KEPT.items():
        part, entry = key.split(".")
        then, today = before[part][entry], now[part][entry]
        if then != today:
            raise Unlike(f"the baseline has other {name}: {then}, and this run {today}")


KEPT = {
    "machine.processor": "processors",
    "subject.ports": "inputs and outputs",
    "subject.precision": "precision",
    "subject.devices": "machines",
    "plan.threads": "threads",
    "plan.context": "context",
}
"""What two runs have in common whose times may be compared."""
