"""What devices hold in parts is needed, and links carry what the exchanges of the IR say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from benchmarks.fuzz.ring.numbers import inputs_of
from dialects.lpu.control import ForOp
from dialects.lpu.tensors import tensor_of
from dialects.lpu_esl.ops import AllGatherOp
from dialects.reading import all_within
from lpuc.compiler.driver import CompiledProgram, load_module, lower
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.parameters import parameter_pieces, parameters
from passes.analysis.functions import functions, step_function
from runtime.device.links import Link, Links, Message
from runtime.program.program import Program
from runtime.run.interpreter import Interpreter
from runtime.weights.image import Image
from runtime.weights.recipes import Recipe
from runtime.weights.recipes.nodes import (
    Cast,
    Concat,
    Inline,
    Rearranged,
    Shard,
    Stack,
    sources_of,
)
from tests.e2e import committed
from tests.e2e.committed import CONTEXT, EXPORTS, ONE

PAST = 5
GPT2 = next(path for path in EXPORTS if path.stem == "gpt2")


def options(devices: int) -> CompileOptions:
    """One new token, in full precision."""
    return CompileOptions(precision="f32", max_context=CONTEXT, devices=devices)


def outputs(program: Program) -> list[bytes]:
    """Those of one call, the caches among them."""
    found = Interpreter(program).run(inputs_of(program.interface, PAST, 0))
    return [found[name].tobytes() for name in sorted(found)]


def is_in_parts(recipe: Recipe) -> bool:
    """Whether devices hold parts of a parameter."""
    return isinstance(recipe, Shard) or any(map(is_in_parts, sources_of(recipe)))


def tensors_of(recipe: Recipe) -> int:
    """How many tensors of the model a parameter has."""
    return sum(map(tensors_of, sources_of(recipe))) or 1


def without(recipe: Recipe, number: int) -> Recipe:
    """A recipe with zeros in the place of one of its tensors."""
    sources = list(sources_of(recipe))
    if not sources:
        size = int(np.prod(recipe.shape)) * recipe.dtype.itemsize
        return Inline(bytes(size), recipe.shape, recipe.dtype)
    at = 0
    while number >= tensors_of(sources[at]):
        number -= tensors_of(sources[at])
        at += 1
    sources[at] = without(sources[at], number)
    if isinstance(recipe, Stack | Concat):
        return replace(recipe, sources=tuple(sources))
    assert isinstance(recipe, Rearranged | Cast)
    return replace(recipe, source=sources[0])


def without_part(
    made: CompiledProgram, folder: Path, devices: int
) -> Iterator[tuple[str, list[Program]]]:
    """Each tensor that is held in parts, with a program for each device that has zeros for its own.

    A device that has nothing but padding, or zeros, of it anyway is left out.
    """
    program = made.in_memory
    for address, recipe in parameters(functions(made.module)):
        for number in range(tensors_of(recipe) if is_in_parts(recipe) else 0):
            changed = [(address, without(recipe, number))]
            images = [program.params_of(device).data.copy() for device in range(devices)]
            for offset, parts in parameter_pieces(changed, folder, devices):
                for image, part in zip(images, parts, strict=True):
                    image[offset : offset + part.nbytes] = part.reshape(-1).view(np.uint8)
            yield f"{recipe} {number}", list(_changed(program, images))


def _changed(program: Program, images: Sequence[np.ndarray[Any, Any]]) -> Iterator[Program]:
    for device, image in enumerate(images):
        before = [program.params_of(other) for other in range(program.devices)]
        if (image != before[device].data).any():
            yield replace(program, images=[*before[:device], Image(image), *before[device + 1 :]])


@pytest.mark.parametrize("devices", [4])
def test_without_the_part_of_one_device_the_result_is_another(devices: int):
    """Of each tensor the part of one, of all devices in turn."""
    made = committed.made(ONE, devices)
    expected = outputs(made.in_memory)
    tensors = list(without_part(made, ONE.parent, devices))
    assert len(tensors) >= 14, "two layers have seven matrices each"
    assert all(len(programs) == devices for _, programs in tensors)
    for number, (name, programs) in enumerate(tensors):
        device = number % devices
        assert outputs(programs[device]) != expected, (name, device)


class Counting(Link):
    """A link that knows how many bytes went over it."""

    def __init__(self, depth: int) -> None:
        super().__init__(depth)
        self.bytes = 0

    def send(self, message: Message) -> None:
        super().send(message)
        self.bytes += message[1].nbytes


def counted(program: Program) -> list[dict[str, int]]:
    """The bytes that each device sends to each side in a call."""
    machine, devices = Interpreter(program), program.devices
    with machine.devices() as ring:
        ends = [device.transport for device in ring]
    assert all(isinstance(end, Links) for end in ends)
    for number, end in enumerate(ends):
        for side, other, step in (("left", "right", -1), ("right", "left", 1)):
            link = Counting(8)
            end.outgoing[side] = link  # pyright: ignore
            ends[(number + step) % devices].incoming[other] = link  # pyright: ignore
    machine.run(inputs_of(program.interface, PAST, 0))
    return [{side: link.bytes for side, link in end.outgoing.items()} for end in ends]  # pyright: ignore


def exchanged(model: Path, devices: int) -> dict[str, int]:
    """The bytes that each device sends by the exchanges of `step`: half the ring either way."""
    module: ModuleOp = load_module(model, options(devices))
    lower(module, options(devices), "esl", Instrumentation())
    found: Counter[str] = Counter()
    for op in all_within(step_function(module)):
        if isinstance(op, AllGatherOp):
            part = tensor_of(op.source)
            size = int(np.prod([extent.const for extent in part.shape])) * part.dtype.itemsize
            found["left"] += turns(op) * size * (devices // 2)
            found["right"] += turns(op) * size * (devices - 1 - devices // 2)
    return dict(found)


def turns(op: Operation) -> int:
    """How often an operation is executed."""
    around, count = op.parent_op(), 1
    while around is not None:
        if isinstance(around, ForOp):
            assert around.upper.data.is_const and around.lower is None
            count *= around.upper.data.const
        around = around.parent_op()
    return count


RINGS = [(ONE, 2), (ONE, 8), (GPT2, 4)]


@pytest.mark.parametrize(("model", "devices"), RINGS, ids=lambda v: getattr(v, "stem", v))
def test_over_each_link_go_the_bytes_of_the_exchanges(model: Path, devices: int):
    expected = exchanged(model, devices)
    assert expected["left"] > 0
    assert counted(committed.made(model, devices).in_memory) == [expected] * devices
