"""What loops store whose turns nobody counts, as what all turns store together."""

from __future__ import annotations

import pytest

from runtime.ring.checks.load.memory import late
from runtime.ring.checks.load.memory.blocks import Block, block
from runtime.ring.checks.load.memory.late import Late, Turning, has_everywhere, swept
from runtime.ring.checks.load.touches import pieces
from runtime.ring.checks.load.values import (
    OF_TWO,
    UNKNOWN,
    Span,
    Value,
    Varied,
    behind,
    combined,
    counter,
    ends,
    replaced,
)

ADD, SUB, MUL, MIN = (OF_TWO[name] for name in ("add", "sub", "mul", "min"))
N, LOOP = Span(1, 6, 1), 1 << 256
TURN = counter(0, 5, LOOP)
ROW = 8


def _loop(bound: Value = N, step: int = 2, start: Value = 0) -> Turning:
    return Turning(TURN, start, bound, step, behind(start, bound, step, step, 7))


def _late(rows: Value, base: Value = 0, pitch: int = ROW) -> Late:
    """Rows of two elements, so many bytes further in each turn."""
    shape: tuple[Value, ...] = (1, 1, rows, 2, 0, 0, ROW, 4)
    found = block(
        combined(ADD, base, combined(MUL, TURN, pitch)),
        pieces(tuple(ends(number)[1] for number in shape), 4), None, 0, shape, 4,
    )  # fmt: skip
    assert found is not None
    return Late(combined(ADD, base, combined(MUL, TURN, pitch)), found)


def _whole(loop: Turning, stored: Late, devices: int = 1) -> Block | None:
    loop.late[7] = [stored]
    return loop.whole(7, devices)


LEFT = combined(MIN, combined(SUB, N, TURN), 2)


def test_turns_that_go_on_where_others_end_store_all_rows():
    found = _whole(_loop(), _late(LEFT, 64))
    assert found is not None
    assert found.bases == (64,)
    assert found.shape == (1, 1, N, 2, 0, 0, ROW, 4)
    assert _whole(_loop(step=1), _late(1, 64)) is not None


@pytest.mark.parametrize(
    ("loop", "stored"),
    [
        (_loop(step=3), _late(LEFT)),
        (_loop(), _late(LEFT, pitch=2 * ROW)),
        (_loop(start=N), _late(LEFT)),
        (_loop(), _late(combined(MIN, combined(SUB, 3, TURN), 2))),
        (_loop(), _late(Span(1, 1 << 20, 2))),
    ],
    ids=["gaps", "apart", "from a symbol on", "no more than three", "very many"],
)
def test_of_other_turns_nobody_knows_what_they_store(loop: Turning, stored: Late):
    assert _whole(loop, stored) is None


def test_other_instructions_and_turns_that_are_left_out_make_it_unknown():
    for change in ("other", "elsewhere", "twice", "left out"):
        loop = _loop()
        loop.late[7] = [_late(LEFT), *([_late(LEFT, 64)] if change == "twice" else [])]
        loop.written += {"other": [(8, (40, 48))], "elsewhere": [(8, (64, 72))]}.get(change, [])
        loop.is_whole = change != "left out"
        assert (loop.whole(7, 1) is None) is (change != "elsewhere")


def test_more_numbers_than_are_tried_make_it_unknown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(late, "MOST_TURNS", 17)
    assert _whole(_loop(), _late(LEFT)) is None
    assert swept(_late(LEFT), [_loop()]) == [_late(LEFT).found.hull]


@pytest.mark.parametrize("bases", [(0, 64), (0, 64, 130)])
def test_parts_are_put_on_each_device(bases: tuple[int, ...]):
    found = _whole(_loop(), _late(LEFT, bases), len(bases))
    assert found is not None
    assert found.bases == bases
    assert _whole(_loop(), _late(LEFT, Varied(0, 64)), 2) is None


def test_only_bytes_of_turns_that_there_are_count():
    assert swept(_late(LEFT, 64), [_loop()]) == [(64, 64 + 6 * ROW)]
    assert swept(_late(2, 64), [_loop(step=4)]) == [(64, 80), (96, 112)]
    assert swept(_late(LEFT, (0, 64)), [_loop()], 2) == [(0, 48), (64, 112)]


def test_what_is_read_in_turns_was_stored_whatever_a_symbol_is():
    whole = _whole(_loop(), _late(LEFT, 64))
    assert whole is not None
    for read, is_had in ((_late(LEFT, 64), True), (_late(2, 64), False), (_late(LEFT, 72), False)):
        assert has_everywhere(whole.grown, read, [_loop()]) is is_had


def test_a_number_of_each_device_is_that_of_one():
    value = combined(ADD, combined(MUL, (0, 1, 2), 16), combined(MUL, TURN, 4))
    assert replaced(value, {TURN: 3}, 2) == 44
    assert replaced(value, {}, 1) == combined(ADD, 16, combined(MUL, TURN, 4))
    assert replaced(UNKNOWN, {}, 1) == UNKNOWN
    assert replaced(combined(SUB, behind(0, TURN, 2, 2, 7), 1), {TURN: N}) is None
