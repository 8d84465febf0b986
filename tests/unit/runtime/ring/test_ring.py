"""Devices in a ring: exchanges by hand, orders of stepping, and what goes wrong."""

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from runtime.device.device import PLAN_LIMIT, WIDEN_BYTES, Device
from runtime.device.links import Link, Links, Message
from runtime.errors import Unlinkable
from runtime.isa import Bge, Fill, Halt, Inst, Lds, Li, Load, Operand, Out, Recv, Send, Store
from runtime.isa.encoding import word_addresses
from runtime.numerics.elements import ElementType
from runtime.program.program import Program
from runtime.run.code import Code
from runtime.run.host_io import HostIO
from runtime.run.interpreter import Interpreter
from runtime.run.ring import Stepping
from runtime.run.run import Run
from runtime.traps import Trap, TrapKind
from runtime.weights.image import Image
from tests.unit.runtime.program.programs import TARGET, row
from tests.unit.runtime.ring.exchanges import (
    COUNT,
    F32,
    FOUR,
    FROM,
    GATHERED,
    NUMBERS,
    ONE,
    OWN,
    SHAPE,
    SIZE,
    TO,
    TURN,
    WHOLE,
    gathering,
    head,
    hops,
    mixed,
    mixing,
    on_ring,
    parts,
    slot,
)

BOTH = pytest.mark.parametrize("reference", [False, True])
SIZES = pytest.mark.parametrize("devices", [2, 4, 8])


def trap_of(made: Program, reference: bool = False, depth: int = 1) -> Trap:
    """How a run ends that does not."""
    machine = Interpreter(made, reference=reference, stepping=Stepping(depth=depth))
    with pytest.raises(Trap) as caught:
        machine.run({"x": parts(made.devices)})
    return caught.value


@BOTH
@SIZES
def test_what_each_device_holds_reaches_all(devices: int, reference: bool) -> None:
    machine = Interpreter(gathering(devices), reference=reference)
    for x in (parts(devices), -parts(devices)):
        np.testing.assert_array_equal(machine.run({"x": x})["y"], x)


@BOTH
@SIZES
def test_every_device_has_the_whole(devices: int, reference: bool) -> None:
    machine = Interpreter(gathering(devices), reference=reference)
    machine.run({"x": parts(devices)})
    with machine.devices() as ring:
        for device in ring:
            raw = device.lmu.data[GATHERED:][: 4 * SIZE * devices]
            np.testing.assert_array_equal(raw.view(np.float32), parts(devices))


@BOTH
@SIZES
def test_a_loop_of_exchanges_computes_what_one_device_would(devices: int, reference: bool) -> None:
    x = parts(devices)
    y = Interpreter(mixing(devices), reference=reference).run({"x": x})["y"]
    np.testing.assert_array_equal(y, mixed(x))


def picking(seed: int) -> Stepping:
    """Devices go on in a random order, for some instructions, over links of depth 1 to 8."""
    draw = random.Random(seed)

    def order(able: Sequence[int]) -> tuple[int, int | None]:
        return draw.choice(able), draw.choice([1, 2, 3, 7, None])

    return Stepping(order, 1 + seed % 8)


@pytest.mark.parametrize("devices", [2, 4])
def test_no_order_and_no_depth_changes_a_byte(devices: int) -> None:
    """100 random orders, over all depths from 1 to 8, on both paths."""
    made, x = mixing(devices), parts(devices)
    expected = memory_after(Interpreter(made), x)
    for seed in range(100):
        machine = Interpreter(made, reference=bool(seed & 1), stepping=picking(seed))
        assert memory_after(machine, x) == expected, seed


def memory_after(machine: Interpreter, x: np.ndarray) -> list[bytes]:
    """The output, and on each device its part and what was gathered last."""
    found = [machine.run({"x": x})["y"].tobytes()]
    with machine.devices() as ring:
        for device in ring:
            data = device.lmu.data
            found += [data[: 4 * SIZE].tobytes(), data[GATHERED:][: x.nbytes].tobytes()]
    return found


@BOTH
@pytest.mark.parametrize("depth", [1, 3])
def test_a_ring_that_only_receives_says_who_waits_for_whom(reference: bool, depth: int) -> None:
    code = [*head(4), Recv("right", SHAPE, slot(1)), Halt()]
    trap = trap_of(on_ring(code, 4), reference, depth)
    pc = sum(inst.WORDS for inst in head(4))
    assert (trap.kind, trap.pc, trap.nodes) == (TrapKind.DEADLOCK, pc, ("a", "b"))
    for device, other in ((0, 1), (1, 2), (2, 3), (3, 0)):
        waits = f"device {device} waits at pc {pc} (a, b) to recv from device {other}"
        assert waits in trap.message, trap.message


@BOTH
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_ring_that_sends_more_than_links_hold_is_blocked(reference: bool, depth: int) -> None:
    sends: list[Inst] = [Send("left", SHAPE, slot(0))] * (depth + 1)
    receives: list[Inst] = [Recv("right", SHAPE, slot(1))] * (depth + 1)
    made = on_ring([*loaded(2), *sends, *receives, *stored()], 2)
    trap = trap_of(made, reference, depth)
    assert trap.kind is TrapKind.DEADLOCK
    assert f"to send to device 1: {depth} messages wait to be received" in trap.message
    stepping = Stepping(depth=depth + 1)
    y = Interpreter(made, reference=reference, stepping=stepping).run({"x": parts(2)})["y"]
    np.testing.assert_array_equal(y, parts(2))


def loaded(devices: int) -> list[Inst]:
    """Each device has its part in slot 0."""
    return [*head(devices), Load(SHAPE, slot(0), row(FROM, FOUR))]


def stored() -> list[Inst]:
    """All slots are the result."""
    gathered = Operand(F32, OWN, (0, 0, 0, FOUR))
    return [Li(OWN, GATHERED), Store(WHOLE, row(TO, FOUR), gathered), Halt()]


@BOTH
@pytest.mark.parametrize(
    ("recv", "expected"),
    [
        (
            Recv("right", (ONE, ONE, COUNT, ONE), replace(slot(1), strides=(0, 0, FOUR, 0))),
            "f32 (1, 1, 5, 1)",
        ),
        (Recv("right", (ONE, ONE, ONE, ONE), slot(1)), "f32 (1, 1, 1, 1)"),
        (Recv("right", SHAPE, replace(slot(1), type=ElementType.I32)), "i32 (1, 1, 1, 5)"),
    ],
)
def test_a_message_of_another_form_traps(recv: Recv, expected: str, reference: bool) -> None:
    trap = trap_of(on_ring([*loaded(2), Send("left", SHAPE, slot(0)), recv, Halt()], 2), reference)
    assert (trap.kind, trap.device) == (TrapKind.LINK, 1)
    assert trap.message == f"the message is f32 (1, 1, 1, 5), expected {expected}"
    assert "of device 1" in str(trap)


@BOTH
def test_a_device_alone_has_no_neighbours(reference: bool) -> None:
    for inst in (Send("left", (1, 1, 1, 1), Operand(F32, 0)), Recv("left", (1,) * 4, row(0, 0))):
        code = Code([Li(1, 1), Fill((1, 1, 1, 1), Operand(F32, 0), 0), inst, Halt()])
        device = Device(TARGET, Image(np.zeros(0, np.uint8)), 1024, 64, checked=reference)
        device.reset()
        with pytest.raises(Trap, match=r"trap link at pc 3: this device has no neighbours"):
            Run(code, device, 0).advance()


@BOTH
@pytest.mark.parametrize("side", ["left", "right"])
def test_one_byte_corrupted_on_a_link_changes_the_result(side: str, reference: bool) -> None:
    made, x = mixing(4), parts(4)
    expected = Interpreter(made).run({"x": x})["y"]
    for device, byte in ((0, 2), (3, 4 * SIZE - 1)):
        machine = Interpreter(made, reference=reference)
        with machine.devices() as ring:
            transport = ring[device].transport
            assert isinstance(transport, Links)
            transport.incoming[side] = Corrupting(8, byte)
            neighbour = ring[(device + (1 if side == "right" else -1)) % 4].transport
            assert isinstance(neighbour, Links)
            other = "left" if side == "right" else "right"
            neighbour.outgoing[other] = transport.incoming[side]
        assert (machine.run({"x": x})["y"] != expected).any()


class Corrupting(Link):
    """A link that inverts a bit of its first message."""

    def __init__(self, depth: int, byte: int) -> None:
        super().__init__(depth)
        self.byte: int | None = byte

    def send(self, message: Message) -> None:
        """Send a message, or another one."""
        if self.byte is not None:
            message[1].view(np.uint8)[self.byte] ^= 64
            self.byte = None
        super().send(message)


def own_number() -> list[Inst]:
    """A register that holds the number of the device, which went through memory as data."""
    number = Operand(ElementType.I64, OWN)
    return [*head(2), Fill((ONE, ONE, ONE, ONE), number, NUMBERS), Lds(TURN, 0)]


@BOTH
def test_devices_that_hand_over_different_values_are_told_apart(reference: bool) -> None:
    trap = trap_of(on_ring([*own_number(), Out(TURN), Halt()], 2), reference)
    assert (trap.kind, trap.device) == (TrapKind.LINK, 1)
    assert trap.message == "device 1 hands over 1, device 0 0"


@BOTH
def test_what_all_devices_hand_over_is_handed_over_once(reference: bool) -> None:
    tokens: list[int] = []
    made = on_ring([*loaded(4), Out(COUNT), *hops(4), Out(FOUR), *stored()], 4)
    Interpreter(made, reference=reference).run({"x": parts(4)}, on_token=tokens.append)
    assert tokens == [SIZE, 4]


@BOTH
def test_a_device_that_halts_before_the_others_hand_over_is_told_apart(reference: bool) -> None:
    code = own_number()
    goal = sum(inst.WORDS for inst in code) + 2
    trap = trap_of(on_ring([*code, Bge(0, TURN, goal), Out(0), Halt()], 2), reference)
    assert trap.message == "device 1 has handed over a value, device 0 has halted"


@BOTH
def test_a_device_that_runs_out_of_fuel_is_named(reference: bool) -> None:
    """Device 1 goes first, and may execute three instructions."""
    last = Stepping(order=lambda able: (able[-1], None))
    machine = Interpreter(gathering(2), fuel=3, reference=reference, stepping=last)
    with pytest.raises(Trap, match="not finished after 3 elements") as caught:
        machine.run({"x": parts(2)})
    assert (caught.value.device, caught.value.pc) == (1, word_addresses(machine.program.code)[3])


def test_the_place_of_a_device_is_not_given_by_a_caller() -> None:
    with pytest.raises(Unlinkable, match="d0: expected a number that each device has"):
        Interpreter(gathering(2)).run({"x": parts(2)}, values={"d0": 1})


@pytest.mark.usefixtures("numpy_products")
def test_what_devices_remember_is_shared_out() -> None:
    machines = [Interpreter(gathering(devices)) for devices in (2, 8)]
    for machine in machines:
        with machine.devices() as ring:
            assert sum(device.plan_limit for device in ring) == PLAN_LIMIT
            assert sum(device.products.widening.cap for device in ring) == WIDEN_BYTES


def test_calls_at_the_same_time_have_rings_of_their_own() -> None:
    machine, x = Interpreter(mixing(2)), parts(2)
    expected = machine.run({"x": x})["y"]
    with machine.devices() as held:
        y = machine.run({"x": x})["y"]
        with machine.devices() as others:
            assert not {*map(id, held)} & {*map(id, others)}
    np.testing.assert_array_equal(y, expected)


@BOTH
def test_what_an_abandoned_call_left_on_the_links_reaches_no_other(reference: bool) -> None:
    send, recv = hops(2)
    made = on_ring([*loaded(2), send, Out(COUNT), recv, *stored()], 2)
    machine = Interpreter(made, reference=reference)
    with machine.devices() as ring:
        HostIO(machine.program.interface, ring, {"x": -parts(2)}).start()
        assert next(machine.handed(machine.ring(ring, machine.program.interface.pc))) == SIZE
    np.testing.assert_array_equal(machine.run({"x": parts(2)})["y"], parts(2))
