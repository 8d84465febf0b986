"""Messages between devices in lock step at level `lpu_mem`: who gets what, and what goes wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.func import FuncOp
from xdsl.parser import Parser

from dialects.lpu_mem.memory import MemoryFault
from dialects.lpu_mem.semantics import run_function
from lpuc.compiler.pipeline import make_context
from tests.unit.lpu_esl.rings import bits

BUFFER = "!lpu_mem.buffer<hbm, f32, 8>"
SHORT = "!lpu_mem.buffer<hbm, i32, 8>"
PARTS = " shard 4 x [[8/4]]"


def exchanged(body: str, devices: int, shard: str = "") -> np.ndarray:
    """What becomes of [0, 1, ...], given to all devices or in parts, in a buffer of 8 zeros."""
    port = f'"x", data, f32, [8], [1], 0{shard}'
    func = f"""func.func @step(%x : {BUFFER}) attributes {{
        lpu_mem.inputs = [#lpu_mem.port<{port}>],
        lpu_mem.outputs = [#lpu_mem.port<{port.replace('"x"', '"y"')}>]}} {{
      %y = lpu_mem.alloc : {BUFFER}
      lpu_mem.fill "00000000" %y <[8] {{0: [1]}}> : {BUFFER}
      {body}
      lpu_mem.return %y : {BUFFER}
    }}"""
    (found,) = Parser(make_context(), func).parse_module().ops
    assert isinstance(found, FuncOp)
    x = np.arange(8, dtype=np.float32)
    return run_function(found, {"x": x}, Path(), devices=devices)["y"]


def send(side: str, access: str = "<[2] {0: [1]}>", buffer: str = "%x") -> str:
    return f'lpu_mem.send "{side}" {buffer} {access} : {BUFFER}'


def recv(side: str, access: str = "<[2] {0: [1]}>", kind: str = BUFFER) -> str:
    return f'lpu_mem.recv "{side}" %y {access} : {kind}'


@pytest.mark.parametrize(
    ("to", "origin", "expected"),
    [("left", "right", [2, 3, 4, 5, 6, 7, 0, 1]), ("right", "left", [6, 7, 0, 1, 2, 3, 4, 5])],
)
def test_a_message_reaches_the_neighbour(to: str, origin: str, expected: list[int]):
    """Device 0 of 4 has elements 0 and 1; what it sends to its left arrives at device 3."""
    got = exchanged(f"{send(to)}\n{recv(origin)}", 4, PARTS)
    np.testing.assert_array_equal(got, expected)


def test_links_keep_their_order_and_sides_their_messages():
    body = [send("left"), send("left", "<[2] {2: [1]}>"), send("right", "<[2] {4: [1]}>")]
    body += [recv("left", "<[2] {4: [1]}>"), recv("right"), recv("right", "<[2] {2: [1]}>")]
    np.testing.assert_array_equal(exchanged("\n".join(body), 2), [0, 1, 2, 3, 4, 5, 0, 0])


def test_a_message_is_laid_out_anew():
    body = send("left", "<[2, 3] {1: [3, 1]}>") + "\n" + recv("right", "<[2, 3] {0: [1, 2]}>")
    np.testing.assert_array_equal(exchanged(body, 2), [1, 4, 2, 5, 3, 6, 0, 0])


def test_a_message_holds_what_was_there_when_it_was_sent():
    late = f'lpu_mem.fill "0000803f" %x <[8] {{0: [1]}}> : {BUFFER}'
    np.testing.assert_array_equal(
        exchanged(f"{send('left')}\n{late}\n{recv('right')}", 2), [0, 1, 0, 0, 0, 0, 0, 0]
    )


def test_places_follow_the_number_of_the_device():
    """Each puts the part of its right neighbour where that stands in the whole: device 3 first."""
    body = send("left") + "\n" + recv("right", "<[2] {2*d1: [1]}>")
    np.testing.assert_array_equal(exchanged(body, 4, PARTS), [0, 0, 0, 0, 0, 0, 0, 1])


def test_weights_are_those_of_the_device():
    weight = f'<shard(inline("{bits(np.arange(8, dtype=np.float32))}", [8], f32), 4 x [[8/4]])>'
    kind = "!lpu_mem.buffer<hbm, f32, 2>"
    body = f"%w = lpu_mem.param {weight} : {kind}\n"
    body += f"lpu_mem.copy %y, %w <[2] {{0: [1]}} {{1: [-1]}}> : {BUFFER}, {kind}"
    np.testing.assert_array_equal(exchanged(body, 4, PARTS), [1, 0, 3, 2, 5, 4, 7, 6])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (recv("right"), "waits for a message that nobody sends"),
        (f"{send('left')}\n{recv('left')}", "waits for a message that nobody sends"),
        (send("left"), "nobody receives 2 messages"),
        (f"{send('left')}\n{recv('right', '<[1, 2] {0: [2, 1]}>')}", "a message of .2,., float32"),
        (f"{send('left')}\n{recv('right', '<[1] {0: [1]}>')}", "a message of .2,., float32"),
        (f"%z = lpu_mem.alloc : {SHORT}\n{send('left')}\n"
         + recv("right", kind=SHORT).replace("%y", "%z"), "a message of .2,., float32"),
        (send("left", buffer="%n"), "reads elements that nothing wrote"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_said(body: str, message: str):
    fresh = f"%n = lpu_mem.alloc : {BUFFER}\n"
    with pytest.raises(MemoryFault, match=message):
        exchanged(fresh + body, 2)


def test_devices_take_the_same_turns():
    body = f'lpu_mem.for "i" to <d0> step 1 {{\n{send("left")}\n}}'
    with pytest.raises(MemoryFault, match="devices have different turns"):
        exchanged(body, 2)
