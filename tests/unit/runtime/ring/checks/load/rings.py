"""Programs for rings in assembly, and a ring that runs them without any check."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from runtime.device.device import Device
from runtime.device.links import ring_of
from runtime.device.memory import Array
from runtime.isa.spec import Inst
from runtime.isa.syntax import parse, words_of
from runtime.ring.checks.load import Start, check
from runtime.run.code import Code
from runtime.run.run import Run, Stop
from runtime.target import Target
from runtime.weights.image import Image

FIRST_DEVICE_REGISTER = 10
SEEN, SEEN_BYTES = 32768, 32768
"""Where programs leave in the LMU what they found."""


@cache
def target_of(depth: int = 8) -> Target:
    """A machine whose links hold so many messages."""
    data = Target.load("lpu-4nm").to_json()
    data["link_depth"] = {**data["link_depth"], "value": depth}
    data["lmu_bytes"] = {**data["lmu_bytes"], "value": 1 << 16}
    return Target.from_json("test", data)


def code_of(lines: Sequence[str]) -> list[Inst]:
    """Instructions of lines, some of which begin with `label:`; equal ones are one object."""
    labels: dict[str, int] = {}
    rest: list[str] = []
    pc = 0
    for line in lines:
        label, found, text = line.rpartition(":")
        if found:
            labels[label.strip()] = pc
        rest.append(text.strip())
        pc += words_of(text.strip())
    known: dict[Inst, Inst] = {}
    insts = (parse(line, labels) for line in rest)
    return [known.setdefault(inst, inst) for inst in insts]


@dataclass(frozen=True)
class Ring:
    """Devices in a ring, and the registers of symbols besides those of the devices.

    Each has so many bytes of HBM behind its parameters.
    """

    devices: int
    depth: int = 8
    arena: int = 4096
    symbols: Mapping[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])

    def start(self) -> Start:
        """An entry at pc 0; d0 is in r10, d1 in r11, and so on."""
        neighbours = {FIRST_DEVICE_REGISTER + j: j for j in range(self.devices)}
        return Start(0, ranges=self.symbols, neighbours=neighbours, private=64)

    def check(self, code: Sequence[Inst]) -> None:
        """What is under test: Unsafe, or nothing."""
        check(code, [self.start()], lambda pc: ["gather"], target_of(self.depth), self.devices)

    def check_lines(self, lines: Sequence[str]) -> None:
        """The same for text."""
        self.check(code_of(lines))

    def run(self, code: Sequence[Inst], turns: int = 10_000) -> list[Array]:
        """What each device leaves at SEEN; a trap, or AssertionError when all wait for ever.

        Of `turns` instructions each device executes at most.
        """
        runs = [self._run(code, d) for d in range(self.devices)]
        transports = ring_of(self.devices, self.depth)
        for run, transport in zip(runs, transports, strict=True):
            run.device.transport = transport
        for _ in range(turns):
            stops = [run.step() for run in runs]
            if all(stop is Stop.HALTED for stop in stops):
                break
            assert any(stop is not Stop.BLOCKED for stop in stops), "all wait"
        return [run.device.lmu.data[SEEN : SEEN + SEEN_BYTES].copy() for run in runs]

    def _run(self, code: Sequence[Inst], number: int) -> Run:
        """A device with parameters of its own that is about to run."""
        random = np.random.default_rng(number)
        params = Image(random.standard_normal(16, np.float32).view(np.uint8))
        device = Device(target_of(self.depth), params, 64, self.arena, checked=True)
        device.reset()
        for j in range(self.devices):
            device.registers[FIRST_DEVICE_REGISTER + j] = (number + j) % self.devices
        for register, (_, upper) in self.symbols.items():
            device.registers[register] = upper
        return Run(Code(code), device, 0)


def constants() -> list[str]:
    """r1 = 1, r4 = 4, r2 = elements of a part, r3 = their bytes."""
    return ["li r1, 1", "li r4, 4", "li r2, 16", "li r3, 64"]


def places(devices: int, y: int, first: int = 30) -> list[str]:
    """From register `first` on where the parts d0, d1, ... of a buffer are."""
    lines: list[str] = []
    for j in range(devices):
        lines.append(f"muli r{first + j}, r{FIRST_DEVICE_REGISTER + j}, 64")
        lines.append(f"addi r{first + j}, r{first + j}, {y}")
    return lines


def hops(
    devices: int, first: int = 30, block: str = "(r1,r1,r1,r2), f32 {}[r0,r0,r0,r4]"
) -> list[str]:
    """The messages of an exchange, both ways at once."""
    lines: list[str] = []
    for j in range(1, devices // 2 + 1):
        lines.append("send.left " + block.format(f"r{first + j - 1}"))
        lines.append("recv.right " + block.format(f"r{first + j}"))
        if j < devices - devices // 2:
            lines.append("send.right " + block.format(f"r{first + (1 - j) % devices}"))
            lines.append("recv.left " + block.format(f"r{first + -j % devices}"))
    return lines


def own(x: int = 0) -> list[str]:
    """Bytes that each device has for itself, at x."""
    return [f"li r20, {x}", "load (r1,r1,r1,r2), f32 r20[r0,r0,r0,r4], f32 r0[r0,r0,r0,r4]"]


def put(first: int = 30) -> list[str]:
    """Own bytes into the part d0 of a buffer."""
    return [f"copy (r1,r1,r1,r2), f32 r{first}[r0,r0,r0,r4], f32 r20[r0,r0,r0,r4]"]


def read_all(devices: int, y: int = 4096, to: int = SEEN) -> list[str]:
    """Everything that devices have put side by side, read by one instruction."""
    return [
        f"li r21, {y}",
        f"li r22, {to}",
        f"li r23, {devices * 16}",
        "map1.neg (r1,r1,r1,r23), f32 r22[r0,r0,r0,r4], f32 r21[r0,r0,r0,r4]",
    ]


def read_rows(rows: str, devices: int = 2, y: int = 4096) -> list[str]:
    """As many rows of each part, of four numbers, as a register says."""
    view = "[r0,r3,r2,r4]"
    return [
        f"li r21, {y}", f"li r22, {SEEN}", f"li r23, {devices}",
        f"map1.neg (r1,r23,{rows},r4), f32 r22{view}, f32 r21{view}",
    ]  # fmt: skip


def gather(devices: int, y: int = 4096, first: int = 30, to: int = SEEN) -> list[str]:
    """Own bytes of all devices side by side at y, and one instruction that reads all of it."""
    before = [*own(), *places(devices, y, first), *put(first)]
    return [*before, *hops(devices, first), *read_all(devices, y, to)]


def looped(body: Sequence[str], turns: int, counter: int = 5) -> list[str]:
    """A loop around some lines; the register behind the counter has the bound."""
    bound = counter + 1
    first, *rest = body
    label = f"L{counter}"
    return [
        f"li r{counter}, 0", f"li r{bound}, {turns}", f"{label}: {first}", *rest,
        f"loop r{counter}, r{bound}, 1, {label}",
    ]  # fmt: skip


def whole(lines: Sequence[str]) -> list[str]:
    """A program of lines."""
    return [*constants(), *lines, "halt"]
