"""Random programs that run, on small machines where everything is scarce."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from runtime.isa import (
    Addi,
    Gather,
    Inst,
    Load,
    Map1,
    Map2,
    Operand,
    Recv,
    Reduce,
    Scan,
    Scatter,
    Send,
    Store,
    Stream,
    TopK,
    Vecmat,
)
from runtime.isa.instructions.ctrl import Lds, Sts
from runtime.numerics.elements import ElementType
from runtime.program.program import Program
from runtime.target import Target
from tests.unit.runtime.timing.timed import Timed

F16, F32, I64 = ElementType.F16, ElementType.F32, ElementType.I64
LMU = 4096
FAR = 1 << 14
Four = tuple[int, int, int, int]


def small_target(random: Random) -> Target:
    """A machine of four channels, with 128 bytes to a beat; refresh and rows take 300 ns."""
    own = Random(random.getstate()[1][1])
    return replace(
        Target.load("lpu-tiny"), registers=256, lmu_bytes=LMU, hbm_channels=4, vxe_lanes=8,
        hbm_bandwidth=random.choice((64e9, 102.4e9, 128e9)), mac_trees=4, vector_lanes=8,
        fifo_bytes=random.choice((128, 300, 512, 2048, 1 << 16)),
        queue_depth=random.choice((1, 2, 3, 5, 16)), hbm_latency=random.choice((3, 17, 80)),
        issue_latency=random.choice((1, 4, 6)), vector_latency=random.choice((2, 11)),
        control_latency=random.choice((1, 1, 2)), hbm_row_bytes=random.choice((64, 1024)),
        vxe_ports=own.choice((1, 2, 3)), f32_tile_cycles=own.choice((1, 2, 5)),
        accumulators=own.choice((1, 1, 2)), reuse_bytes=own.choice((64, 192, 1 << 18)),
        branch_latency=own.choice((1, 2, 7)), mul_latency=own.choice((1, 6)),
        function_latency=own.choice((3, 30)), fetch_cycles=own.choice((1, 1, 2, 5)),
        lmu_banks=own.choice((64, 64, 1, 2, 4)), hbm_lead=own.choice((1 << 20, 1 << 20, 1, 2, 5)),
        hbm_trfc_ns=256.25,
    )  # fmt: skip


def with_links(target: Target, random: Random) -> Target:
    """The machine with fast or slow links, that hold few messages."""
    return replace(
        target, link_bandwidth=random.choice((1.6e9, 12.12e9, 51.2e9)),
        link_depth=random.choice((1, 2, 5)), link_hop_latency=random.choice((1, 9, 60)),
    )  # fmt: skip


class Maker:
    """Instructions that stay within their memories; streams and products pair up."""

    def __init__(self, seed: int, transfers: bool = True) -> None:
        self.random = Random(seed)
        self.made = Timed(small_target(self.random))
        self.constants: dict[int, int] = {}
        self.flight: list[tuple[int, int, int, int, int]] = []
        self.sent: dict[str, list[Four]] = {"left": [], "right": []}
        self.code: list[Inst] = []
        self.transfers = transfers
        self.apart = self.random.choice((0.0, 0.3, 0.9)) if transfers else 1.0
        self.largest = self.random.choice((1, 3, 3))

    def register(self, value: int) -> int:
        """A register that holds a constant."""
        if value == 0:
            return 0
        if value not in self.constants:
            self.constants[value] = self.made.at(value).base
        return self.constants[value]

    def four(self, values: Four) -> Four:
        """Registers of four constants."""
        a, b, c, d = (self.register(v) for v in values)
        return (a, b, c, d)

    def shape(self, most: int = 96) -> Four:
        """Extents with few elements."""
        r = self.random
        shape = [1, 1, r.choice((1, 1, 2, 3)), r.choice((1, 2, 5, 8, 16, 31, 32, 40))]
        if r.random() < 0.2:
            shape[1] = 2
        if r.random() < 0.05:
            shape[r.randrange(4)] = 0
        while shape[1] * shape[2] * shape[3] > most:
            shape[3] //= 2
        return (shape[0], shape[1], shape[2], shape[3])

    def operand(self, shape: Four, size: int = LMU, low: int = 0, t: ElementType = F32) -> Operand:
        """An operand of given extents somewhere in a memory."""
        r, item = self.random, t.itemsize
        inner = r.choice((item, item, item, 2 * item))
        strides = [0, 0, 0, inner]
        reach = inner * max(1, shape[3])
        for axis in (2, 1):
            strides[axis] = r.choice((reach, reach, 0, -(-reach // 64) * 64))
            reach = max(reach, strides[axis] * max(1, shape[axis]))
        base = low + r.randrange(0, max(1, (size - reach) // 2 // item)) * item
        if r.random() < 0.5:
            base = base // 64 * 64
        if r.random() < 0.1 and shape[3]:
            base, strides[3] = base + inner * (shape[3] - 1), -inner
        return Operand(t, self.register(base), self.four((0, strides[1], strides[2], strides[3])))

    def vector(self) -> None:
        """An instruction of the vector engine."""
        shape, r = self.shape(), self.random
        e = self.four(shape)
        kind = r.randrange(5)
        if kind == 0:
            self.code.append(Map1("neg", e, self.operand(shape), self.operand(shape)))
        elif kind == 1:
            a, b = self.operand(shape), self.operand(shape)
            self.code.append(Map2("add", e, self.operand(shape), a, b))
        elif kind == 2:
            result = self.operand((shape[0], shape[1], shape[2], 1))
            self.code.append(Reduce("sum", e, result, self.operand(shape), 8, r.random() < 0.3))
        elif kind == 3:
            carry = self.operand((shape[0], shape[1], shape[2], 1))
            self.code.append(Scan(e, self.operand(shape), self.operand(shape), carry))
        elif min(shape) > 0:
            self.sort(shape)

    def sort(self, shape: Four) -> None:
        """The largest elements of rows."""
        k = self.random.randrange(1, shape[3] + 1)
        best: Four = (shape[0], shape[1], shape[2], k)
        count = self.register(k)
        values, where = self.operand(best), self.operand(best, t=I64)
        self.code.append(
            TopK(self.four(shape), values, where, self.operand(shape), count, self.register(1))
        )

    def transfer(self) -> None:
        """An instruction of the transfer queue."""
        r, shape = self.random, self.shape(64)
        e, near = self.four(shape), self.operand(shape)
        far = self.operand(shape, 2048, FAR + r.choice((0, 0, 4096)))
        index = self.operand((1, 1, 1, 1), t=I64)
        index = Operand(I64, index.base, (0, 0, 0, 0))
        limit, stride = self.register(4), self.register(256)
        self.code.append(
            r.choice((
                Load(e, near, far), Load(e, near, far), Store(e, far, near), Store(e, far, near),
                Gather(e, near, far, index, limit, stride),
                Scatter(r.choice(("set", "add")), e, far, near, index, limit, stride),
            ))
        )  # fmt: skip

    def stream(self) -> None:
        """A panel, where queue and FIFO have room for it without a product."""
        r = self.random
        batch = r.choice((1, 1, 2))
        depth = r.choice((1, 8, 20, 33)[: self.largest + 1])
        columns = r.choice((1, 4, 9, 16)[: self.largest + 1])
        low = FAR + (8192 if r.random() < self.apart else r.choice((0, 4096)))
        strides: Four = (depth * columns * 4, 0, 4, depth * 4)
        base = self.register(low + r.randrange(16) * 64)
        panel = (low, batch, depth, columns, batch * depth * columns * 4)
        if len(self.flight) > self.made.target.queue_depth:
            return
        self.flight.append(panel)
        extents = self.four((batch, 1, depth, columns))
        self.code.append(Stream(extents, Operand(F32, base, self.four(strides))))

    def product(self) -> None:
        """Drain the oldest panel."""
        if not self.flight:
            return
        _, batch, depth, columns, _ = self.flight.pop(0)
        rows = self.random.choice((1, 1, 1, 2, 3))
        x = self.operand((batch, rows, 1, depth))
        y = self.operand((batch, rows, 1, columns))
        *_, item = (x.strides[3],)
        source = Operand(F32, x.base, (x.strides[0], x.strides[1], item, 0))
        extents = self.four((batch, rows, depth, columns))
        self.code.append(Vecmat(extents, y, source, self.random.random() < 0.2))

    def message(self) -> None:
        """Send something, or receive what was sent before; a link never holds too much."""
        r = self.random
        side, other = r.choice((("left", "right"), ("right", "left")))
        waiting = self.sent[side]
        if waiting and (len(waiting) >= self.made.target.link_depth or r.random() < 0.5):
            shape = waiting.pop(0)
            self.code.append(Recv(other, self.four(shape), self.operand(shape)))
            return
        shape = self.shape(64)
        waiting.append(shape)
        self.code.append(Send(side, self.four(shape), self.operand(shape)))

    def scalar(self) -> None:
        """An instruction of the control processor."""
        r, one = self.random, self.register(1)
        address = r.randrange(LMU // 8) * 8
        self.code.append(r.choice((Addi(255, one, 1), Sts(one, address), Lds(254, address))))

    def settled(self) -> bool:
        """Whether writes to the memory of panels in flight could wait for a product."""
        total = sum(size for *_, size in self.flight)
        return total <= self.made.target.fifo_bytes or all(p[0] >= FAR + 8192 for p in self.flight)


def random_exchange(seed: int) -> Program:
    """A program that sends and receives, too."""
    maker = Maker(seed)
    maker.made.target = with_links(maker.made.target, maker.random)
    return finished(maker, 40, [maker.message] * 6)


def random_program(seed: int, length: int = 30, transfers: bool = True) -> Program:
    """A program with about so many instructions."""
    return finished(Maker(seed, transfers), length, [])


def finished(maker: Maker, length: int, more: list[Callable[[], None]]) -> Program:
    """The program of a maker, with further kinds of instructions."""
    steps = [maker.vector, maker.vector, maker.stream, maker.stream, maker.product, maker.scalar]
    steps += more
    while len(maker.code) < length:
        if maker.transfers and maker.settled() and maker.random.random() < 0.4:
            maker.transfer()
        maker.random.choice(steps)()
    while maker.flight:
        maker.product()
    return maker.made.program(maker.code)
