"""Rows of exchanges in HBM that an instruction reads in several turns of a loop, or stores in them.

All that it reads in the turns counts as read at once: it is of one exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from runtime.ring.checks.load import Unsafe, loops, walk
from tests.unit.runtime.ring.checks import rows as r
from tests.unit.runtime.ring.checks.gathers import ARENA, Case
from tests.unit.runtime.ring.checks.load import rings
from tests.unit.runtime.ring.checks.rows import by_load

DEVICES, OTHER, FAR_OTHER = 4, 20480, 1024
RULES = {"stale", "place"}
ROW = f"(r1,r1,r1,r{r.ELEMENTS})"
SLOTS = [
    *rings.places(DEVICES, r.SLOTS), "li r57, 64", f"li r56, {DEVICES}", f"li r21, {r.SLOTS}",
]  # fmt: skip
HEAD = [
    f"li r23, {OTHER}", "map1.neg (r1,r1,r1,r2), f32 r23[r0,r0,r0,r4], f32 r20[r0,r0,r0,r4]",
    f"li r22, {FAR_OTHER}", "store (r1,r1,r1,r2), f32 r22[r0,r0,r0,r4], f32 r23[r0,r0,r0,r4]",
    *SLOTS,
]  # fmt: skip
"""In HBM are what a device holds, at 0, and the same but for the sign."""
NEW, OLD = 0, FAR_OTHER
Exchange = Callable[[int, int], list[str]]


def _at_once(rows: int, source: int) -> list[str]:
    return [f"li r{r.OWN_PART}, {source}", *r.in_one(DEVICES, rows)]


def _in_turns(rows: int, source: int) -> list[str]:
    """Three rows in a turn, then the rest."""
    label = f"S{rows}{source}"
    how = r.Split(counted=rows, bound=rows, label=label)
    return [f"li r{r.OWN_PART}, {source}", *r.split(DEVICES, how)]


def _by_rows(rows: int = r.ROWS, first: int = 0, is_back: bool = False) -> list[str]:
    """Row by row through one place, perhaps from the last one on, summed up."""
    view = f"[r0,r{r.LENGTH},r{r.WIDTH},r4]"
    block = f"(r1,r56,r1,r{r.ELEMENTS})"
    step = ["li r52, -1", "mul r53, r53, r52", f"addi r53, r53, {r.ROW * (r.ROWS - 1)}"]
    return [
        f"li r5, {first}", f"li r6, {rows}", f"li r59, {OTHER + 4096}", f"li r62, {rings.SEEN}",
        f"fill {block}, f32 r62{view}, r0",
        f"R: muli r53, r5, {r.ROW}", *(step if is_back else []), f"addi r58, r53, {r.HOME}",
        f"load {block}, f32 r59{view}, f32 r58{view}",
        f"map2.add {block}, f32 r62{view}, f32 r62{view}, f32 r59{view}", "loop r5, r6, 1, R",
    ]  # fmt: skip


def _nested() -> list[str]:
    """The parts of the devices one after the other, and of each one row after the other."""
    return [
        "li r7, 0", f"li r6, {r.ROWS}", f"li r62, {rings.SEEN}", f"li r59, {OTHER + 4096}",
        f"fill {ROW}, f32 r62[r0,r0,r0,r4], r0",
        f"N: muli r65, r7, {r.PART}", "li r5, 0", f"M: muli r53, r5, {r.ROW}",
        "add r53, r53, r65", f"addi r58, r53, {r.HOME}",
        f"load {ROW}, f32 r59[r0,r0,r0,r4], f32 r58[r0,r0,r0,r4]",
        f"map2.add {ROW}, f32 r62[r0,r0,r0,r4], f32 r62[r0,r0,r0,r4], f32 r59[r0,r0,r0,r4]",
        "loop r5, r6, 1, M", "loop r7, r56, 1, N",
    ]  # fmt: skip


def _crossed() -> list[str]:
    """One row of each part after the other, then the next row of each."""
    lines, loops = _nested()[:-2], ("loop r7, r56, 1, M", "loop r5, r6, 1, N")
    old = ("li r7, 0", f"N: muli r65, r7, {r.PART}", "li r5, 0", f"M: muli r53, r5, {r.ROW}")
    new = ("li r5, 0", f"N: muli r53, r5, {r.ROW}", "li r7, 0", f"M: muli r65, r7, {r.PART}")
    found = [dict(zip(old, new, strict=True)).get(line, line) for line in lines]
    at = found.index("add r53, r53, r65")
    return [*found[:at], "add r66, r53, r65", f"addi r58, r66, {r.HOME}", *found[at + 2 :], *loops]


STREAMED = [
    "li r5, 0", f"li r6, {r.ROWS}", f"T: muli r53, r5, {r.ROW}", f"addi r58, r53, {r.HOME}",
    f"stream {ROW}, f32 r58[r0,r0,r0,r4]", "loop r5, r6, 1, T",
]  # fmt: skip
READERS = {
    "row by row": _by_rows(), "from the last row on": _by_rows(is_back=True), "nested": _nested(),
    "crossed": _crossed(),
    "to where they belong": r.used_by_rows(DEVICES, 2, "U"), "streamed": STREAMED,
}  # fmt: skip
EXCHANGES = {"at once": _at_once, "in turns": _in_turns}
READ = r.used(DEVICES)


def _outer(body: Sequence[str], pitch: int) -> list[str]:
    """Three turns, each with the exchanges so many bytes further in HBM."""
    places = ("li r55", "addi r55", "li r58", "addi r58")
    lines: list[str] = []
    for line in body:
        lines.append(line)
        if line.startswith(places):
            register = line.split()[1].strip(",")
            lines.append(f"add {register}, {register}, r91")
    head = ["li r90, 0", "li r92, 3", f"O: muli r91, r90, {pitch}", *SLOTS]
    return [*head, *lines, "loop r90, r92, 1, O"]


def _text(lines: Sequence[str]) -> list[str]:
    return r.whole([*HEAD, *lines])


def _is_one(good: Sequence[str], lines: Sequence[str]) -> bool:
    """Whether devices find what they do with one exchange alone."""
    found = [rings.Ring(DEVICES, arena=ARENA).run(rings.code_of(text)) for text in (good, lines)]
    one, other = (np.stack(each)[:, : r.PART * DEVICES].view(np.float32) for each in found)
    return any(np.array_equal(other, whole) for whole in (one, -one))


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("after", EXCHANGES.values(), ids=EXCHANGES)
@pytest.mark.parametrize("before", EXCHANGES.values(), ids=EXCHANGES)
def test_what_several_turns_read_is_of_one_exchange(
    before: Exchange, after: Exchange, reader: list[str]
):
    head = [*before(r.ROWS, OLD), *READ]
    good = _text([*head, *after(r.ROWS, NEW), *reader])
    wrong = _text([*head, *after(r.ROWS - 1, NEW), *reader])
    assert reader is STREAMED or not _is_one(good, wrong)
    assert by_load(DEVICES, good) == ""
    assert by_load(DEVICES, wrong) in RULES


@pytest.mark.parametrize("reader", [READ, _by_rows()], ids=["at once", "in turns"])
def test_rows_that_two_exchanges_left_are_read_neither(reader: list[str]):
    """The second one is stored over all of the first."""
    head = [*_at_once(r.ROWS, OLD), *READ]
    for last in (r.ROWS, r.ROWS - 1):
        rule = by_load(
            DEVICES,
            _text([*head, *_at_once(4, NEW), *r.used(DEVICES, 4), *_at_once(last, NEW), *reader]),
        )
        assert rule == "" if last == r.ROWS else rule in RULES


def test_rows_that_a_symbol_leaves_are_not_read_in_turns():
    """With the greatest number none is left."""
    last = [line.replace(f"li r51, {r.ROWS}", "mov r51, r9") for line in _at_once(r.ROWS, NEW)]
    ring = rings.Ring(DEVICES, symbols={9: (1, r.ROWS)})
    with pytest.raises(Unsafe) as refused:
        ring.check_lines(_text([*_at_once(r.ROWS, OLD), *READ, *last, *_by_rows()]))
    assert refused.value.rule in RULES


@pytest.mark.parametrize("after", EXCHANGES.values(), ids=EXCHANGES)
def test_rows_of_which_no_turn_reads_others_are_read(after: Exchange):
    """Those that are left are read alone, or were read before others came."""
    before = [*_at_once(r.ROWS, OLD), *READ]
    for lines in (
        [*after(r.ROWS - 1, NEW), *_by_rows(r.ROWS - 1)],
        [*after(r.ROWS - 1, NEW), *_by_rows(first=r.ROWS - 1)],
        [*_by_rows(), *after(r.ROWS - 1, NEW)],
    ):
        assert by_load(DEVICES, _text([*before, *lines])) == ""


@pytest.mark.parametrize("pitch", [0, r.PART * DEVICES])
@pytest.mark.parametrize("reader", [READ, _by_rows()], ids=["at once", "in turns"])
@pytest.mark.parametrize("after", EXCHANGES.values(), ids=EXCHANGES)
def test_each_turn_around_reads_what_it_exchanged_last(
    after: Exchange, reader: list[str], pitch: int
):
    """Its exchanges lie in one place, each turn's in another one or all in the same."""

    def lines(rows: int) -> list[str]:
        return _text(_outer([*_at_once(r.ROWS, OLD), *READ, *after(rows, NEW), *reader], pitch))

    assert not _is_one(lines(r.ROWS), lines(r.ROWS - 1))
    assert by_load(DEVICES, lines(r.ROWS)) == ""
    assert by_load(DEVICES, lines(r.ROWS - 1)) in RULES


@pytest.mark.parametrize("pitch", [0, r.PART * DEVICES])
@pytest.mark.parametrize("after", EXCHANGES.values(), ids=EXCHANGES)
def test_each_turn_around_reads_what_the_one_before_exchanged(after: Exchange, pitch: int):
    """With another place for each turn that is what was there before all of them."""
    before = _outer([*_at_once(r.ROWS, OLD), *READ], pitch)
    before = [line.replace("O:", "P:").replace(", O", ", P") for line in before]

    def rule(rows: int) -> str:
        turns = _outer([*_by_rows(), *after(rows, NEW)], pitch)
        return by_load(DEVICES, _text([*before, *turns]))

    assert rule(r.ROWS) == ""
    assert (rule(r.ROWS - 1) in RULES) is (pitch == 0)


@pytest.mark.parametrize("after", EXCHANGES.values(), ids=EXCHANGES)
def test_a_turn_around_does_not_read_what_the_same_instruction_stored_before(after: Exchange):
    """The first turn exchanges all rows, of other numbers, the others one row less."""
    count = [
        "li r94, 1",
        "min r93, r90, r94",
        "sub r95, r94, r93",
        "li r94, 5",
        "sub r93, r94, r93",
    ]
    fewer = {
        f"li r{r.OWN_PART}, 0": f"muli r{r.OWN_PART}, r95, {FAR_OTHER}",
        f"li r51, {r.ROWS}": "mov r51, r93",
    }  # fmt: skip

    def lines(reader: Sequence[str]) -> list[str]:
        exchange = after(r.ROWS, NEW)
        for old, new in fewer.items():
            exchange = [line.replace(old, new) for line in exchange]
        return _text(_outer([*count, *exchange, *reader], 0))

    assert not _is_one(_text([*after(r.ROWS, NEW), *READ]), lines(READ))
    assert by_load(DEVICES, lines(r.used(DEVICES, r.ROWS - 1))) == ""
    assert by_load(DEVICES, lines(READ)) in RULES


@pytest.mark.parametrize("after", EXCHANGES.values(), ids=EXCHANGES)
def test_nobody_counts_the_turns_that_read_rows_of_two_exchanges(after: Exchange):
    """The bound is a number that the host gives: all rows are of one exchange, then."""
    reader = [line.replace("li r6,", "mov r6, r9\nli r80,") for line in _by_rows()]
    ring = rings.Ring(DEVICES, symbols={9: (1, r.ROWS)})
    found: list[str] = []
    for rows in (r.ROWS, r.ROWS - 1):
        lines = [*_at_once(r.ROWS, OLD), *READ, *after(rows, NEW), *reader]
        text = [part for line in _text(lines) for part in line.split("\n")]
        try:
            ring.check_lines(text)
            found.append("")
        except Unsafe as refused:
            found.append(refused.rule)
    assert found[1] in RULES
    assert after is not _at_once or found[0] == ""


def test_of_more_turns_in_all_than_are_looked_at_rows_count_together(
    monkeypatch: pytest.MonkeyPatch,
):
    """Eight times as many as of one loop, and those of the loop that begins then."""
    for module in (loops, walk):
        monkeypatch.setattr(module, "MOST_TURNS", 5)
    case = Case(4)
    for last, rules in ((4, {""}), (3, RULES)):
        gathers = [
            line
            for number in range(13)
            for line in (
                *case.put(),
                *case.split(label=f"A{number}", bound=last if number == 12 else 4),
                *case.used(),
            )
        ]
        assert by_load(case.devices, case.whole(gathers)) in rules
