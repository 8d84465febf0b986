"""Chained instructions: exact times by hand from when granules appear and when they are needed."""

from math import ceil

import numpy as np
import pytest

from runtime.isa import Inst, Load, Map1, Map2, Operand, Reduce, Sts, TopK, Vecmat
from runtime.isa.accesses import Access
from runtime.isa.instructions.ctrl import Lds
from runtime.numerics.elements import ElementType
from runtime.timing import predict
from runtime.timing.chaining import even, row_major, sorting, tiles, touch
from runtime.timing.scoreboard import LmuScoreboard, needs
from tests.unit.runtime.timing.timed import EXTENTS, F16, ONE, TWO, Timed

ISSUE, ADD, EXP, TREE = 4, 11, 4, 72


def cycles(t: Timed, *code: Inst) -> int:
    return predict(t.program(code), {}).cycles


def halves(
    base: int, extents: tuple[int, int, int, int], strides: tuple[int, int, int, int]
) -> Access:
    return Access(False, True, False, 2, base, extents, strides)


@pytest.mark.parametrize(("t0", "t1", "start"), [(100, 120, 100), (100, 163, 100), (100, 500, 437)])
def test_a_consumer_ends_as_if_it_never_waited(t0: int, t1: int, start: int) -> None:
    """64 chunks of 64 halves become ready from t0 to t1; the product takes one a cycle."""
    board = LmuScoreboard(1 << 14, 128)
    _, order = tiles((1, 1, 4096, 32), 64, 32)
    x = needs([touch(halves(0, (1, 1, 4096, 1), (0, 0, 2, 0)), order, 128)], [])
    board.written[:64] = np.linspace(t0, t1, 64)
    assert board.delays(x)[-1] == max(t0, t1 - 63) == start


def test_a_step_waits_for_its_own_granules_alone() -> None:
    """The last of 64 chunks is late: the others are used, and left, before."""
    board = LmuScoreboard(1 << 14, 128)
    _, order = tiles((1, 1, 4096, 32), 64, 32)
    x = needs([touch(halves(0, (1, 1, 4096, 1), (0, 0, 2, 0)), order, 128)], [])
    board.written[63] = 500
    assert board.delays(x).tolist()[-3:] == [0, 0, 500 - 63]


def test_elements_of_the_vector_engine() -> None:
    """32 halves are a granule and take one cycle, also in rows with gaps and out of order."""
    order = row_major((1, 1, 2, 64), 32)
    found = touch(halves(128, (1, 1, 2, 64), (0, 0, 256, 2)), order, 64)
    assert np.arange(16)[found.granules].tolist() == [2, 3, 6, 7]
    assert (found.begin.tolist(), found.end.tolist()) == ([0, 1, 2, 3], [1, 2, 3, 4])
    turned = touch(halves(0, (1, 1, 2, 64), (0, 0, 2, 4)), order, 64)
    assert (turned.begin.tolist(), turned.end.tolist()) == ([0, 0, 1, 1], [3, 3, 4, 4])
    upwards = touch(halves(126, (1, 1, 2, 64), (0, 0, 128, -2)), order, 64)
    assert upwards.begin.tolist() == [1, 0, 3, 2]


def test_broadcast_operands_are_in_use_throughout() -> None:
    order = row_major((1, 1, 4, 64), 32)
    row = touch(halves(0, (1, 1, 4, 64), (0, 0, 0, 2)), order, 64)
    assert (row.begin.tolist(), row.end.tolist()) == ([0, 1], [7, 8])
    one = touch(halves(0, (1, 1, 1, 1), (0, 0, 0, 0)), order, 64)
    assert (one.begin.tolist(), one.end.tolist()) == ([0], [8])


def test_what_is_made_of_nothing_is_made_at_once() -> None:
    """A sum over no elements, as an empty cache gives it, is one element all the same."""
    t = Timed()
    none = 0
    result = Operand(F16, t.at(0).base, (0, 0, 0, none))
    total = Reduce("sum", (ONE, ONE, ONE, none), result, t.at(1 << 14), 8)
    assert cycles(t, total) > 0
    assert cycles(t, total, t.map(1 << 12, 0, (ONE, ONE, ONE, ONE))) > cycles(t, total)


def test_tiles_of_a_product() -> None:
    """Two batches, two rows, two chunks, two groups: 16 tiles; the rows take turns on a group."""
    result, x = tiles((2, 2, 128, 64), 64, 32)
    y = touch(halves(0, (2, 2, 1, 64), (256, 128, 0, 2)), result, 64)
    assert y.end.tolist() == [2, 6, 4, 8, 10, 14, 12, 16]
    rows = touch(halves(0, (2, 2, 128, 1), (512, 256, 2, 0)), x, 128)
    assert rows.begin.tolist() == [0, 1, 2, 3, 8, 9, 10, 11]
    assert rows.end.tolist() == [5, 6, 7, 8, 13, 14, 15, 16]


def test_the_memory_engine_moves_at_an_even_rate() -> None:
    found = touch(halves(0, (1, 1, 1, 128), (0, 0, 0, 2)), even((1, 1, 1, 128), 10), 64)
    assert found.begin.tolist() == [0, 2, 5, 7]
    assert found.end.tolist() == [3, 5, 8, 10]


@pytest.mark.parametrize("count", [1, 4, 32, 64])
def test_the_best_of_a_row_are_valid_behind_the_row(count: int) -> None:
    """A row takes 57 steps, one pass of 2 and a tree."""
    results, operand = sorting((1, 1, 2, 64), 32, 57)
    best = touch(halves(0, (1, 1, 2, count), (0, 0, 128, 2)), results, 128)
    assert (best.begin.tolist(), best.end.tolist()) == ([0, 57], [57, 114])
    row = touch(halves(0, (1, 1, 2, 64), (0, 0, 128, 2)), operand, 64)
    assert (row.begin.tolist(), row.end.tolist()) == ([0, 1, 57, 58], [57, 57, 114, 114])


def test_dependent_passes_of_one_engine_take_their_sum() -> None:
    """2 n / W and not n / W: the vector engine does one pass after the other."""
    t = Timed()
    passes = [t.map(4096, 0), t.map(8192, 4096), t.map(12288, 8192)]
    assert cycles(t, *passes) == 2 + 3 * (ISSUE + 64) + ADD


def test_an_activation_behind_a_product_adds_its_tail() -> None:
    """The last of 128 groups is valid at the end; then 4 to set up, one cycle and the function."""
    t = Timed()
    product = [t.stream(), t.vecmat(8192, 0)]
    columns = (ONE, ONE, ONE, t.at(4096).base)
    gelu = Map1("gelu", columns, t.at(8192), t.at(8192))
    assert cycles(t, *product, gelu) == cycles(t, *product) + ISSUE + 1 + t.target.function_latency


def test_a_product_behind_a_norm_starts_with_its_first_chunks() -> None:
    """A chunk of 64 halves becomes valid every 2 cycles; the last of 32 sets the time."""
    t = Timed()
    panel = (ONE, ONE, t.at(2048).base, t.at(32).base)
    head = [t.stream(0, panel), t.map(4096, 0), t.map(4096, 4096)]
    valid = 4 + 2 * (ISSUE + 64) + ADD
    assert cycles(t, *head, t.vecmat(8192, 4096, panel)) == valid - 31 + ISSUE + 32 + TREE


def test_a_reduction_gives_its_rows_one_after_the_other() -> None:
    """2 rows of 32 cycles, each valid 55 later: the next pass needs the second after 32."""
    t = Timed()
    extents = (ONE, ONE, TWO, t.at(1024).base)
    row, element = t.at(2048).base, t.at(64).base
    rows = Operand(F16, t.at(0).base, (0, 0, row, TWO))
    sums = Operand(F16, t.at(8192).base, (0, 0, element, 0))
    total = Reduce("sum", extents, sums, rows, 8)
    scale = Map2("mul", extents, rows, rows, sums)
    assert cycles(t, total) == 2 + ISSUE + 64 + 5 * ADD
    last = 2 + ISSUE + 64 + 5 * ADD
    assert cycles(t, total, scale) == last - 32 + ISSUE + 64 + t.target.mul_latency


def test_a_sorted_result_is_waited_for() -> None:
    t = Timed()
    k, one = t.at(4).base, ONE
    best = TopK(
        EXTENTS, t.at(8192), Operand(ElementType.I64, t.at(16384).base, (0, 0, 0, t.at(8).base)),
        t.at(0), k, one,
    )  # fmt: skip
    after = t.map(12288, 8192, (ONE, ONE, ONE, k))
    assert cycles(t, best, after) == cycles(t, best) + ISSUE + 1 + ADD


class Heads:
    """Scores of 4 heads over 4096 keys of 64 lanes, one product and one softmax pass each."""

    HEADS, KEYS = 4, 4096

    def __init__(self) -> None:
        self.t = t = Timed()
        self.one_head = 128
        self.batch, self.depth = t.at(self.HEADS).base, t.at(64).base
        self.keys, self.row = t.at(self.KEYS).base, t.at(2 * self.KEYS).base
        self.query, self.element = t.at(128).base, t.at(64).base

    def scores(self, first: int, heads: int) -> list[Inst]:
        """The product for some heads: 128 tiles of 32 keys for each."""
        t, batch = self.t, self.t.at(heads).base
        extents = (batch, ONE, self.depth, self.keys)
        dst = Operand(F16, t.at(65536 + first * 2 * self.KEYS).base, (self.row, 0, 0, TWO))
        x = Operand(F16, t.at(first * 128).base, (self.query, 0, TWO, 0))
        return [t.stream(0, extents), Vecmat(extents, dst, x)]

    def maximum(self, first: int, heads: int) -> Inst:
        """The maximum over the keys of some heads."""
        t = self.t
        a = Operand(F16, t.at(65536 + first * 2 * self.KEYS).base, (self.row, 0, 0, TWO))
        dst = Operand(F16, t.at(32768 + first * 64).base, (self.element, 0, 0, 0))
        return Reduce("max", (t.at(heads).base, ONE, ONE, self.keys), dst, a, 8)


def test_softmax_of_a_head_runs_beside_the_scores_of_the_next() -> None:
    """One batched product: of all passes over its rows only the last group is left at the end.

    A pass over a head takes 128 cycles as its product does, and is set up in 4 more.
    """
    h = Heads()
    scores = h.scores(0, 4)
    passes = [h.maximum(i, 1) for i in range(4)]
    tail = ISSUE + 1 + 5 * ADD
    assert cycles(h.t, *scores, h.maximum(0, 4)) == cycles(h.t, *scores) + tail
    assert cycles(h.t, *scores, *passes) == cycles(h.t, *scores) + tail + 3 * ISSUE
    assert cycles(h.t, *scores, *reversed(passes)) > cycles(h.t, *scores) + tail + 3 * 128


def test_a_second_pass_over_all_heads_is_not_hidden() -> None:
    """The engine is in order: behind the maxima of all heads, 4 x 128 cycles remain."""
    h = Heads()
    head = [*h.scores(0, 4), h.maximum(0, 4)]
    extents = (h.batch, ONE, ONE, h.keys)
    a = Operand(F16, h.t.at(65536).base, (h.row, 0, 0, TWO))
    assert cycles(h.t, *head, Map1("exp", extents, a, a)) == cycles(h.t, *head) - 55 + 516 + EXP


def test_writers_follow_readers() -> None:
    """From 2 + 2 + 80 on a product reads two granules a cycle; a slower pass may overwrite them."""
    t = Timed()
    panel = (ONE, ONE, t.at(2048).base, t.at(32).base)
    product = [t.stream(0, panel), t.vecmat(65536, 0, panel)]
    long = (ONE, ONE, ONE, t.at(8192).base)
    assert cycles(t, *product, t.map(0, 32768, long)) == 84 + 1 + ISSUE + 256 + ADD
    assert cycles(t, *product, t.map(32768, 16384, long)) == 6 + ISSUE + 256 + ADD


def test_a_scalar_waits_for_its_value() -> None:
    t = Timed()
    index = Operand(ElementType.I64, t.at(4096).base, (0, 0, 0, t.at(8).base))
    best = TopK(EXTENTS, t.at(8192), index, t.at(0), ONE, ONE)
    assert cycles(t, Sts(ONE, 4096), Lds(99, 4096)) == 3
    taken = [Sts(ONE, 4096), best, Lds(99, 4096)]
    assert cycles(t, *taken) == cycles(t, *taken[:2]) + 2


def test_a_load_is_used_as_it_arrives() -> None:
    """256 KiB take 64 cycles at full rate; the pass over them is much longer and hides them."""
    t = Timed()
    many = (ONE, ONE, ONE, t.at(1 << 17).base)
    load = Load(many, t.at(0), t.at(1 << 20))
    work = t.map(1 << 20, 0, many)
    first = 2 + 80 + 64 * 13 / 12 / 4096
    assert cycles(t, load, work) == ceil(first + ISSUE + 4096 + ADD)
