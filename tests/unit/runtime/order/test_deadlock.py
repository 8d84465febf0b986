"""Programs that would block for ever are refused at load, and the message says who waits."""

from dataclasses import replace

import pytest

from runtime.errors import Invalid
from runtime.isa import Bge, Halt, Inst, Jump, Li, Loop
from runtime.isa.encoding import word_addresses
from runtime.program.interface import Symbol
from runtime.program.program import Program
from tests.unit.runtime.timing.timed import LPU, ONE, TWO, Timed

BEAT = 4096


class Machine(Timed):
    """A queue of two and a FIFO of four beats."""

    def __init__(self) -> None:
        super().__init__(replace(LPU, queue_depth=2, fifo_bytes=4 * BEAT))
        self.small = self.panel(1)
        self.whole = self.panel(4)
        self.large = self.panel(5)

    def panel(self, beats: int) -> tuple[int, int, int, int]:
        """Extents of so many beats."""
        return (ONE, ONE, self.at(64).base, self.at(32 * beats).base)

    def push(self, extents: tuple[int, int, int, int], address: int = 1 << 24) -> Inst:
        """A stream of a panel."""
        return self.stream(address, extents)

    def drain(self, extents: tuple[int, int, int, int]) -> Inst:
        """The product with it."""
        return self.vecmat(0, 1 << 16, extents)

    def loop(self, body: list[Inst], turns: int, at: int = 0) -> list[Inst]:
        """A loop that begins behind so many words."""
        count, bound = 200, self.at(turns).base
        return [Li(count, 0), *body, Loop(count, bound, 1, at + 1)]


def refusal(program: Program) -> str:
    with pytest.raises(Invalid) as caught:
        program.validate()
    return str(caught.value)


def test_queue_and_fifo_bound_the_panels_in_flight() -> None:
    """Four small panels fill the FIFO, one is taken up, two wait: the eighth has no place."""
    m = Machine()
    seven = [m.push(m.small)] * 7
    products = [m.drain(m.small)] * 8
    m.program([*seven, *products[:7]]).validate()
    text = refusal(m.program([*seven, m.push(m.small), *products]))
    assert text == (
        "stream at pc 14 would block for ever: it waits for a place in its queue of 2, which waits "
        "for what stream at pc 8 reads, whose 4096 bytes wait for room in the FIFO of 16384, and "
        "vecmat at pc 16, which makes room, stands behind"
    )


def test_a_product_in_time_makes_room() -> None:
    m = Machine()
    code = [*[m.push(m.small)] * 7, m.drain(m.small), m.push(m.small), *[m.drain(m.small)] * 7]
    m.program(code).validate()


def test_a_panel_larger_than_the_fifo_is_filled_while_it_drains() -> None:
    m = Machine()
    code = [*[m.push(m.large)] * 3, *[m.drain(m.large)] * 3]
    m.program(code).validate()
    assert "would block" in refusal(m.program([m.push(m.large), *code]))


def test_a_write_may_not_wait_for_a_panel_that_waits_for_a_product() -> None:
    """The store waits until the stream has read its bytes, which takes a product behind it."""
    m = Machine()
    code = [m.push(m.large), m.store(1 << 24, 0), m.drain(m.large)]
    assert refusal(m.program(code)) == (
        "store at pc 2 would block for ever: it may write what stream at pc 0 reads, whose 20480 "
        "bytes wait for room in the FIFO of 16384, and vecmat at pc 4, which makes room, stands "
        "behind"
    )
    m.program([m.push(m.whole), m.store(1 << 24, 0), m.drain(m.whole)]).validate()
    m.program([m.push(m.large), m.drain(m.large), m.store(1 << 24, 0)]).validate()
    m.program([m.push(m.large), m.store(1 << 20, 0), m.drain(m.large)]).validate()
    m.program([m.push(m.large), m.load(0, 1 << 24), m.drain(m.large)]).validate()


def test_a_product_needs_a_panel() -> None:
    m = Machine()
    text = refusal(m.program([m.drain(m.small), m.push(m.small)]))
    assert text == "vecmat at pc 0 would block for ever: no stream before it pushes its panel"


def test_panels_add_up_over_the_turns_of_a_loop() -> None:
    m = Machine()
    code = m.loop([m.push(m.small)], 7)
    m.program([*code, *[m.drain(m.small)] * 7]).validate()
    code = m.loop([m.push(m.small)], 8)
    assert "stream at pc 1 would block" in refusal(m.program([*code, *[m.drain(m.small)] * 8]))


def test_a_loop_that_drains_what_it_pushes_turns_as_often_as_it_likes() -> None:
    m = Machine()
    ahead = [m.push(m.large), m.drain(m.large)]
    m.program(m.loop(ahead, 1 << 30)).validate()
    pipelined = m.loop([m.push(m.large), m.drain(m.large)], 1 << 30, at=2)
    pipelined = [m.push(m.large), *pipelined, m.drain(m.large)]
    m.program(pipelined).validate()


def test_loops_within_loops() -> None:
    """The inner loop pushes two panels, the outer one drains both."""
    m = Machine()
    inner = [Li(201, 0), m.push(m.small), Loop(201, TWO, 1, 2)]
    both = m.loop([*inner, m.drain(m.small), m.drain(m.small)], 1 << 20)
    m.program(both).validate()
    one = m.loop([*inner, m.drain(m.small)], 1 << 20)
    assert "stream at pc 2 would block" in refusal(m.program(one))


def test_where_ways_meet_the_way_with_more_panels_counts() -> None:
    """One way pushes seven panels, the other jumps over them: an eighth may find no place."""
    m = Machine()
    symbol = 210
    head = [Bge(symbol, ONE, 15)]
    body = [*head, *[m.push(m.small)] * 7]
    assert word_addresses([*body, Halt()])[-1] == 15
    symbols = [Symbol("n", symbol, 0, 1)]
    m.program([*body, *[m.drain(m.small)] * 7], symbols).validate()
    last = [*body, m.push(m.small), *[m.drain(m.small)] * 8]
    assert "stream at pc 15" in refusal(m.program(last, symbols))


def test_sizes_are_those_of_the_largest_symbols() -> None:
    """A panel of up to 5 beats does not fit into the FIFO, one of up to 4 does."""
    m = Machine()
    columns = 210
    extents = (ONE, ONE, m.small[2], columns)
    code = [m.push(extents), m.store(1 << 24, 0), m.drain(extents)]
    m.program(code, [Symbol("n", columns, 1, 128)]).validate()
    text = refusal(m.program(code, [Symbol("n", columns, 1, 160)]))
    assert "whose 20480 bytes" in text


def test_what_nothing_reaches_is_not_looked_at() -> None:
    m = Machine()
    skipped = m.drain(m.small)
    m.program([Jump(3), skipped, Li(9, 0)]).validate()
