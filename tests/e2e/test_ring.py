"""Models on several devices: numbers and tokens of one, in whatever order devices take turns."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.device.links import Link, Links, Message
from runtime.generation.device import Request
from runtime.generation.session import Session
from runtime.generation.tokens import feed_of, generate
from runtime.program.program import Program
from runtime.run.interpreter import Interpreter
from runtime.run.ring import Stepping
from tests.e2e.committed import FAMILIES, ONE, made

PROMPT, COUNT = [1, 5, 9], 5
RINGS = (2, 4)
LONGEST = 8


def program(model: Path, devices: int) -> Program:
    """A program with its parameters."""
    return made(model, devices).in_memory


def tokens(machine: Interpreter) -> list[int]:
    """What the devices generate."""
    return list(generate(machine, Request(PROMPT, COUNT)))


def logits(machine: Interpreter) -> np.ndarray[Any, Any]:
    """Those of a text that is fed in two parts, with the cache on the devices."""
    with Session(feed_of(machine, {})) as session:
        return np.concatenate([session.step(PROMPT), session.step([4])])


@FAMILIES
def test_tokens_and_logits_are_those_of_one_device(model: Path) -> None:
    """One model on short rings, the others on the longest, where least fits; all: `correctness`."""
    one = Interpreter(program(model, 1))
    expected = tokens(one), logits(one)
    for devices in RINGS if model == ONE else (LONGEST,):
        machine = Interpreter(program(model, devices))
        assert tokens(machine) == expected[0], devices
        np.testing.assert_allclose(logits(machine), expected[1], atol=5e-5, rtol=0)


@pytest.mark.parametrize("devices", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (4, 8))])
def test_both_paths_give_the_same_tokens_and_nearly_the_same_logits(devices: int) -> None:
    fast, reference = (Interpreter(program(ONE, devices), reference=r) for r in (False, True))
    assert tokens(fast) == tokens(reference)
    np.testing.assert_allclose(logits(fast), logits(reference), atol=5e-5, rtol=0)


def picking(seed: int) -> Stepping:
    """Devices go on in a random order, for some instructions, over links of depth 1 to 8."""
    draw = random.Random(seed)

    def order(able: Sequence[int]) -> tuple[int, int | None]:
        return draw.choice(able), draw.choice([1, 5, 30, None, None])

    return Stepping(order, 1 + seed % 8)


def called(machine: Interpreter) -> dict[str, bytes]:
    """The outputs, the caches among them, of a call of three tokens behind four others."""
    rng = np.random.default_rng(1)
    found: dict[str, np.ndarray[Any, Any]] = {}
    symbols: dict[str, int] = {}
    for port in machine.program.interface.inputs:
        for dim in port.shape:
            symbols |= {name: 4 if port.role == "past" else 3 for name, _ in dim.terms}
    for port in machine.program.interface.inputs:
        shape = port.extents(symbols)
        if port.dtype.is_float:
            found[port.name] = rng.standard_normal(shape).astype(np.float32)
        else:
            ones = port.role == "mask"
            found[port.name] = np.full(shape, 1 if ones else 3, port.dtype.dtype)
    return {name: value.tobytes() for name, value in machine.run(found).items()}


@pytest.mark.parametrize(
    ("devices", "orders"), [(2, 3), pytest.param(4, 8, marks=pytest.mark.slow)]
)
def test_no_order_and_no_depth_changes_a_byte_or_a_token(devices: int, orders: int) -> None:
    """Random orders, on the longer ring over all depths from 1 to 8."""
    ring = program(ONE, devices)
    expected = [(called(m), tokens(m)) for m in [Interpreter(ring)]]
    for seed in range(orders):
        machine = Interpreter(ring, stepping=picking(seed))
        assert [(called(machine), tokens(machine))] == expected, seed


@cache
def uncorrupted() -> dict[str, bytes]:
    """What a ring of four gives."""
    return called(Interpreter(program(ONE, 4)))


class Corrupting(Link):
    """A link that inverts a bit of one of its messages."""

    def __init__(self, number: int) -> None:
        super().__init__(8)
        self.left = number

    def send(self, message: Message) -> None:
        """Send a message, or another one."""
        super().send(message)
        if self.left == 0:
            message[1].view(np.uint8)[-1] ^= 64
        self.left -= 1


@pytest.mark.parametrize("device", range(4))
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_byte_that_is_corrupted_on_a_link_changes_the_result(device: int, side: str) -> None:
    """The last byte of the first message, and of one in the middle; right are those of others."""
    for number in (0, 5):
        machine = Interpreter(program(ONE, 4))
        with machine.devices() as devices:
            ends = [d.transport for d in devices]
            assert all(isinstance(end, Links) for end in ends)
            corrupt(ends, device, side, number)
        assert called(machine) != uncorrupted(), number


def corrupt(ends: Sequence[Any], device: int, side: str, number: int) -> None:
    """Replace the link from a device to a side by one that corrupts a message."""
    other, step = ("left", 1) if side == "right" else ("right", -1)
    link = Corrupting(number)
    ends[device].outgoing[side] = ends[(device + step) % len(ends)].incoming[other] = link


def test_a_ring_in_memory_is_one_device_where_the_model_is_for_one() -> None:
    with Interpreter(program(ONE, 1)).devices() as (device,):
        assert device.transport is None
