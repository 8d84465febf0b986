"""How much there is of operands whose extents are made of symbols or turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import product
from operator import mul
from random import Random

import pytest

from runtime.ring.checks.load.layers.story import facts, seen
from runtime.ring.checks.load.memory.axes import has_all
from runtime.ring.checks.load.memory.events import Block, Events
from runtime.ring.checks.load.memory.fewer import (
    at_most,
    beneath,
    forget_turn,
    is_of_block,
    least,
    of_block,
)
from runtime.ring.checks.load.memory.growing import NEVER, Grown, agree, has
from runtime.ring.checks.load.memory.runs import Content, Fewer, Kind, Runs, Tag, meet, tags_of
from runtime.ring.checks.load.state import Piece
from runtime.ring.checks.load.values import OF_TWO, Span, Value, combined

N, HALF = Span(1, 6, 1), combined(OF_TWO["divi"], Span(1, 6, 1), 2)
LONG = Span(1, 1 << 20, 2)
STEP = 1 << 22


def _rows(count: Value, base: int = 0, step: Value = 16, columns: Value = 2) -> Grown:
    return Grown((base,), (1, 1, count, columns, 0, 0, step, 4), 4)


def _long(axes: tuple[int, int], steps: tuple[int, int], base: int = 0) -> Grown:
    """Rows of very many columns, along two axes."""
    return Grown((base,), (*axes, 1, LONG, *steps, 0, 4), 4)


SIX = _long((6, 1), (STEP, 0))


@pytest.mark.parametrize(
    ("whole", "part", "is_had"),
    [
        (_rows(N), _rows(N), True),
        (_rows(N), _rows(HALF), True),
        (_rows(HALF), _rows(N), False),
        (_rows(N), _rows(6), False),
        (_rows(N), _rows(N, columns=1), True),
        (_rows(N, columns=1), _rows(N), False),
        (_rows(N), _rows(N, base=16), False),
        (_rows(LONG), _rows(LONG), True),
        (_rows(LONG), Grown((0,), (LONG, 1, 2, 1, 16, 0, 4, 0), 4), True),
        (_rows(LONG), Grown((0,), (LONG, 2, 2, 1, 16, 8, 4, 0), 4), False),
        (_rows(LONG)._replace(bases=(0, 8)), Grown((0,), (LONG, 2, 2, 1, 16, 8, 4, 0), 4), True),
        (_rows(LONG)._replace(bases=(0, 8)), Grown((8,), (LONG, 2, 2, 1, 16, 8, 4, 0), 4), False),
        (_rows(N), _rows(N)._replace(size=8), False),
        (_rows(2), _rows(2, step=Span(-16, 0, 1)), False),
        (_rows(2), _rows(2, step=Span(16, 16, 1)), True),
        (SIX, _long((2, 3), (3 * STEP, STEP)), True),
        (_long((3, 2), (STEP, 3 * STEP)), SIX, True),
        (_long((3, 2), (2 * STEP, STEP)), _long((2, 3), (3 * STEP, STEP)), True),
        (SIX, _long((2, 3), (3 * STEP, STEP), base=4), False),
        (SIX, _long((2, 3), (2 * STEP, STEP)), True),
        (SIX, _long((2, 3), (4 * STEP, STEP)), False),
        (SIX, _long((2, 3), (3 * STEP, 2 * STEP)), False),
        (SIX, _long((2, 4), (4 * STEP, STEP)), False),
        (SIX, _long((2, 3), (3 * STEP + 4, STEP)), False),
        (SIX._replace(bases=(0, 6 * STEP)), _long((2, 6), (6 * STEP, STEP)), True),
        (SIX._replace(bases=(0, 7 * STEP)), _long((2, 6), (6 * STEP, STEP)), False),
        (NEVER, NEVER, False),
        (NEVER, _rows(1), False),
    ],
    ids=str,
)
def test_of_two_operands_one_has_all_of_the_other(whole: Grown, part: Grown, is_had: bool):
    assert has(whole, part, -1 << 30, 1 << 40) is is_had


@pytest.mark.parametrize(
    ("other", "is_alike"),
    [
        (_rows(N), True),
        (_rows(HALF), False),
        (_rows(6), False),
        (_rows(N, columns=3), False),
        (_rows(N, columns=1), False),
    ],
    ids=str,
)
def test_two_operands_have_the_same_of_some_bytes(other: Grown, is_alike: bool):
    assert agree(_rows(N), other, 0, 1 << 20) is agree(other, _rows(N), 0, 1 << 20) is is_alike
    has_first_row = other.shape[3] != 1 and other.shape[2] != HALF
    assert agree(_rows(N), other, 0, 8) is has_first_row
    assert agree(NEVER, NEVER, 0, 8) is False


def test_only_some_bytes_may_count():
    assert has(_rows(2), _rows(N), 0, 32)
    assert not has(_rows(2), _rows(N), 0, 33)
    rows = _long((6, 1), (8 * STEP, 0))
    for whole, part in ((rows, _long((9, 1), (8 * STEP, 0))), (_long((3, 2), (8 * STEP, 4)), rows)):
        last = 8 * STEP * whole.shape[0]
        assert has(whole, part, -1 << 30, last)
        assert not has(whole, part, -1 << 30, last + 1)


def _bytes(grown: Grown, count: int) -> set[int]:
    """The bytes of an operand with a number for N, one by one."""
    shape = [count if number is N else number for number in grown.shape]
    places = product(*(range(extent) for extent in shape[:4]))
    starts = [sum(map(mul, at, shape[4:])) for at in places]
    return {b + s + k for b in grown.bases for s in starts for k in range(grown.size)}


def _drawn(draw: Random, grown: Sequence[int]) -> Grown:
    """An operand with N elements along axes of some strides, and others."""
    rest = 4 - len(grown)
    counts = [draw.choice((1, 1, 1, 2, 2, 3, 3, 0, N)) for _ in range(rest)]
    steps = [draw.choice((0, 2, 4, 8, 16, -8)) for _ in range(rest)]
    bases = draw.sample(range(-8, 24, 4), draw.randint(1, 3))
    shape = (*(N for _ in grown), *counts, *grown, *steps)
    return Grown(tuple(bases), shape, draw.choice((2, 4)))


def test_what_is_had_at_a_glance_is_had_with_each_number():
    draw, found = Random(7), Counter[tuple[bool, bool]]()
    for _ in range(3000):
        grown = [draw.choice((8, 8, 4, -8)) for _ in range(draw.choice((1, 1, 2)))]
        whole, part = _drawn(draw, grown), _drawn(draw, grown)
        low = draw.randint(-20, 60)
        high = low + draw.randint(1, 60)
        seen = range(low, high)
        is_had = all(_bytes(part, n).intersection(seen) <= _bytes(whole, n) for n in range(1, 5))
        is_shown = has_all(whole.axes, part.axes, low, high)
        assert is_had or not is_shown, (whole, part, low, high)
        found[is_had, is_shown] += 1
    assert found[True, True] > 150 and found[False, False] > 300, found


FEWER = frozenset({Fewer(_rows(N), Kind.OWN)})
MANY = Content(Kind.SAME, 1, None, FEWER)


def _lmu(*held: tuple[int, int, Content]) -> Runs:
    found = Runs()
    for low, high, content in held:
        found.put(low, high, content)
    return found


def test_beside_what_was_written_there_is_what_was_before():
    assert least(MANY, _rows(HALF), 0, 96) is Kind.SAME
    assert least(MANY, _rows(6), 0, 96) is Kind.OWN
    for kind, expected in ((Kind.OWN, Kind.OWN), (Kind.SAME, Kind.SAME), (Kind.WHOLE, Kind.LOST)):
        runs = _lmu((0, 64, Content(Kind.SAME, 0)), (32, 64, Content(kind, 1)))
        assert beneath(runs, 8, ((0, 40),)) is expected
    assert beneath(_lmu((0, 64, MANY)), 0, ((0, 64),)) is Kind.OWN
    (fewer,) = at_most(FEWER, Kind.LOST)
    assert fewer.otherwise is Kind.LOST


def test_of_a_block_nobody_knows_how_much_there_is_where_parts_overlap():
    parts = ((0, 8), (16, 24))
    for bases, expected in (((0, 32), True), ((0, 8), True), ((0, 4), False), ((8, 0, 16), False)):
        grown = _rows(N)._replace(bases=bases)
        assert of_block(grown, parts) == (grown if expected else NEVER)
    assert of_block(_rows(6), parts) is None


def test_a_message_has_what_was_put_wherever_it_lies():
    put = _rows(N)._replace(bases=(0, 256))
    piece = Piece(8, 512, Tag(1, 0, 256 - 512))
    assert is_of_block(_rows(N, base=512), piece, put)
    assert not is_of_block(_rows(HALF, base=512), piece, put)
    assert not is_of_block(_rows(N, base=516), piece, put)
    assert not is_of_block(_rows(N, base=512), piece, None)
    assert not is_of_block(_rows(N, base=512), piece, NEVER)


@pytest.mark.parametrize(("loop", "is_of"), [(1, True), (2, False)])
def test_behind_a_turn_nobody_knows_how_much_its_counter_said(loop: int, is_of: bool):
    lmu = _lmu((0, 64, MANY))
    forget_turn(lmu, loop)
    held = lmu.at(0)
    assert isinstance(held, Content)
    assert held.fewer == (frozenset({Fewer(NEVER, Kind.OWN)}) if is_of else FEWER)
    events = Events()
    events.blocks[0] = Block(0, _rows(N))
    events.pass_turn(loop)
    assert events.blocks[0].grown == (NEVER if is_of else _rows(N))


def test_where_ways_meet_both_say_how_much_there_is():
    other = Content(Kind.SAME, 2, None, frozenset({Fewer(_rows(HALF), Kind.OWN)}))
    for one, two in ((MANY, other), (other, MANY)):
        held = meet(_lmu((0, 8, one)), _lmu((0, 8, two))).at(0)
        assert held == Content(Kind.SAME, 1, None, FEWER | other.fewer)


def test_what_there_may_be_fewer_of_is_sent_by_nobody():
    assert tags_of(MANY, 2) == [None, None]


def test_stretches_that_leave_more_or_less_are_not_alike():
    one, other = _lmu((0, 64, MANY)), _lmu((0, 64, MANY._replace(fewer=frozenset())))
    assert seen(one, 0, [(0, 64)]) != seen(other, 0, [(0, 64)])
    blocks = (Block(0, _rows(N)), Block(0, _rows(HALF)))
    assert facts(1, blocks[0], 0) != facts(1, blocks[1], 0)
