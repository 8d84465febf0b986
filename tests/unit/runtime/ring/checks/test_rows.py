"""Gathers that are split by rows: both checks look at each turn, and at the age of each row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tests.unit.runtime.ring.checks import rows as r
from tests.unit.runtime.ring.checks.load import rings
from tests.unit.runtime.ring.checks.load.rings import SEEN, looped

Check = Callable[[int, Sequence[str]], str]
DEVICES = pytest.mark.parametrize("devices", [2, 4, 8])
by_each_check = pytest.mark.parametrize("check", r.CHECKS.values(), ids=r.CHECKS)
OTHER = 20480
"""Where in the LMU each device has other numbers than those that it holds."""
RULES = {"content", "mixture", "place", "stale"}
OTHERS = [
    f"li r23, {OTHER}", "map1.neg (r1,r1,r1,r2), f32 r23[r0,r0,r0,r4], f32 r20[r0,r0,r0,r4]",
]  # fmt: skip
OTHERS_FAR = ["li r22, 2048", "store (r1,r1,r1,r2), f32 r22[r0,r0,r0,r4], f32 r23[r0,r0,r0,r4]"]


def _before(devices: int) -> list[str]:
    """A whole gather of other numbers into the same place, which everybody reads."""
    first = r.split(devices, r.Split(label="C"))
    return [*OTHERS, *r.put(source=23), *first, *r.used(devices)]


def _far_before(devices: int) -> list[str]:
    """The same of numbers that lie elsewhere in HBM, of which no part is put in place."""
    return [*OTHERS, *OTHERS_FAR, *r.split(devices, r.Split(label="C"), 22), *r.used(devices)]


APART = r.Split(pitch=r.PITCH)
REUSED = [
    f"li r70, {r.SLOTS}", f"li r71, {OTHER}",
    *(
        f"copy (r1,r1,r{r.HEIGHT},r{r.ELEMENTS}), f32 r{to}[r0,r0,r{r.PITCH},r4], "
        f"f32 r{source}[r0,r0,r{pitch},r4]"
        for to, source, pitch in ((70, 20, r.WIDTH), (71, 70, r.PITCH))
    ),
]  # fmt: skip
"""The memory of slots has something else, of which other bytes lie in between."""


GOOD: dict[str, Callable[[int], list[str]]] = {
    "fewer rows in the last turn": lambda n: [*r.put(), *r.split(n), *r.used(n)],
    "as many in each turn": lambda n: [*r.put(), *r.split(n, r.Split(tile=1)), *r.used(n)],
    "one turn": lambda n: [*r.put(), *r.split(n, r.Split(tile=5)), *r.used(n)],
    "rows that lie apart": lambda n: [*r.put(), *r.split(n, APART), *REUSED, *r.used(n)],
    "read by rows": lambda n: [*r.put(), *r.split(n), *r.used_by_rows(n)],
    "read one by one": lambda n: [*r.put(), *r.split(n), *r.used_by_rows(n, 1)],
    "again": lambda n: [*_before(n), *r.put(), *r.split(n), *r.used(n)],
    "again and again": lambda n: looped([*_before(n), *r.put(), *r.split(n), *r.used(n)], 3, 7),
    "from elsewhere": lambda n: [*r.split(n, source=0), *r.used(n)],
    "from elsewhere again": lambda n: [*_far_before(n), *r.split(n, source=0), *r.used(n)],
}  # fmt: skip
SHORT = r.Split(counted=4)
BROKEN: dict[str, r.Split] = {
    "one row less": SHORT,
    "one row less is stored": r.Split(tile=4, stored=1, counted=5),
    "no last turn": r.Split(tile=2, bound=4),
    "one row that lies apart less": r.Split(counted=4, pitch=r.PITCH),
    "stored a row further": r.Split(aside=r.ROW),
    "stored a row before": r.Split(aside=-r.ROW),
}


def _broken(n: int, how: r.Split, again: bool, is_put: bool) -> list[str]:
    """A gather that leaves out rows, behind one that does not if it is `again`."""
    before = _before if is_put else _far_before
    first = before(n) if again else []
    gather = [*r.put(), *r.split(n, how)] if is_put else r.split(n, how, source=0)
    return [*first, *gather, *r.used(n)]


@DEVICES
@pytest.mark.parametrize("lines", GOOD.values(), ids=GOOD)
def test_what_gathers_all_rows_is_accepted(devices: int, lines: Callable[[int], list[str]]):
    text = r.whole(lines(devices))
    assert (r.seen(devices, text) == r.expected(devices)).all()
    assert {name: check(devices, text) for name, check in r.CHECKS.items()} == dict.fromkeys(
        r.CHECKS, ""
    )


@pytest.mark.parametrize("devices", [2, 4])
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("is_put", [True, False])
@pytest.mark.parametrize("how", BROKEN.values(), ids=BROKEN)
def test_what_leaves_out_rows_is_refused(devices: int, how: r.Split, again: bool, is_put: bool):
    text = r.whole(_broken(devices, how, again, is_put))
    assert r.is_wrong(devices, text)
    found = {name: check(devices, text) for name, check in r.CHECKS.items()}
    assert set(found.values()) <= RULES, found


@by_each_check
def test_rows_that_are_left_out_and_not_read_either_are_no_matter(check: Check):
    for is_put in (True, False):
        gather = _broken(4, SHORT, False, is_put)[: -len(r.used(4))]
        assert check(4, r.whole([*gather, *r.used(4, rows=4)])) == ""
        assert check(4, r.whole([*gather, *r.used(4)])) in RULES


@by_each_check
def test_rows_that_are_left_out_are_refused_where_they_are_read_by_rows(check: Check):
    lines = [*r.put(), *r.split(4, SHORT), *r.used_by_rows(4)]
    assert check(4, r.whole(lines)) in RULES


@by_each_check
def test_rows_that_the_turn_before_left_out_are_refused(check: Check):
    """Each turn of the loop around reads what the turn before it gathered, or what was there."""
    turn = [*r.used(4), *r.put(), *r.split(4)]
    short = [*r.used(4), *r.put(), *r.split(4, SHORT)]
    for before in ([*r.put(), *r.split(4, r.Split(label="C"))], []):
        assert check(4, r.whole([*before, *looped(turn, 3, 7)])) == ""
        assert check(4, r.whole([*before, *looped(short, 3, 7)])) in RULES


@by_each_check
def test_a_row_of_which_a_device_put_other_numbers_since_is_refused(check: Check):
    lines = [*_before(4), *r.put(), *r.used(4)]
    assert check(4, r.whole(lines)) in RULES


@by_each_check
def test_what_is_stored_elsewhere_with_other_rows_may_be_read_with_them(check: Check):
    """Like a cache: rows of before, and a row that was exchanged."""
    row = f"(r1,r1,r1,r{r.ELEMENTS})"
    lines = [
        *r.put(), *r.split(4), f"li r70, {OTHER}",
        f"load {row}, f32 r70[r0,r0,r0,r4], f32 r58[r0,r0,r0,r4]".replace("r58", "r71"),
        f"li r72, {2048 + r.ROW}", f"store {row}, f32 r72[r0,r0,r0,r4], f32 r70[r0,r0,r0,r4]",
        "li r73, 2048", f"li r74, {SEEN}", "load (r1,r1,r1,r2), f32 r74[r0,r0,r0,r4], "
        "f32 r73[r0,r0,r0,r4]",
    ]  # fmt: skip
    head = [*OTHERS, *OTHERS_FAR, f"li r71, {r.HOME}"]
    assert check(4, r.whole([*head, *lines])) == ""


@by_each_check
@pytest.mark.parametrize("rows", [r.ROWS, r.ROWS - 1])
def test_a_layer_of_many_that_leaves_out_a_row_is_refused(check: Check, rows: int):
    """All are straight code; the layers before gather nothing through HBM, or all rows."""
    head = [*rings.places(4, r.SLOTS), "li r57, 64", "li r56, 4", f"li r21, {r.SLOTS}"]
    near = [*rings.put(), *rings.hops(4), *rings.read_all(4, r.SLOTS)] * 20
    far = [*r.put(), *r.in_one(4), *r.used(4)] * 20
    last = [*r.put(), *r.in_one(4, rows), *r.used(4)]
    for layers in (near, far, [*near, *far, *near]):
        found = check(4, r.whole([*head, *layers, *last, *near, *layers]))
        assert found == "" if rows == r.ROWS else found in RULES


@by_each_check
@pytest.mark.parametrize("rows", [0, r.ROWS - 1, r.ROWS])
def test_of_rows_that_lie_apart_in_the_lmu_no_more_is_read_than_was_exchanged(
    check: Check, rows: int
):
    """Of all but one of them; behind the last one something else stands. None may be read, too."""
    view = f"[r0,r0,r{r.PITCH},r4]"
    block = f"(r1,r1,r51,r{r.ELEMENTS}), f32 {{}}{view}"
    slots = ["li r57, 96", *(f"muli r{30 + j}, r{10 + j}, 96" for j in range(4))]
    lines = [
        *slots, *(f"addi r{30 + j}, r{30 + j}, {r.SLOTS}" for j in range(4)), "li r56, 4",
        f"li r21, {r.SLOTS}", "fill (r1,r1,r1,r95), f32 r21[r0,r0,r0,r4], r0",
        f"li r51, {r.ROWS - 1}", f"copy {block.format('r30')}, f32 r20[r0,r0,r{r.WIDTH},r4]",
        *rings.hops(4, 30, block), f"li r60, {rows}", f"li r59, {SEEN}",
        f"map1.neg (r1,r56,r60,r{r.ELEMENTS}), f32 r59[r0,r57,r{r.PITCH},r4], "
        f"f32 r21[r0,r57,r{r.PITCH},r4]",
        f"map1.neg (r1,r56,r51,r{r.ELEMENTS}), f32 r59[r0,r57,r{r.PITCH},r4], "
        f"f32 r21[r0,r57,r{r.PITCH},r4]",
    ]  # fmt: skip
    found = check(4, r.whole(["li r95, 96", *lines]))
    assert found in RULES if rows == r.ROWS else found == ""


@by_each_check
@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize("step", [0, 64])
def test_a_layer_of_many_that_puts_or_reads_a_part_in_hbm_is_not_like_the_others(
    check: Check, is_streamed: bool, step: int
):
    """The others store the same bytes at one address on all devices, and read them."""
    reader = "stream (r1,r1,r1,r2), f32 r80[r0,r0,r0,r4]"
    if not is_streamed:
        reader = f"load (r1,r1,r1,r2), f32 r82[r0,r0,r0,r4], {reader.split(', ')[1]}"
    near = [*rings.put(), *rings.hops(4), *rings.read_all(4, r.SLOTS)]
    store = "store (r1,r1,r1,r2), f32 r81[r0,r0,r0,r4], f32 r21[r0,r0,r0,r4]"

    def layers(change: dict[int, list[str]]) -> list[str]:
        texts = (
            [
                *near,
                f"li r81, {512 + step * at}",
                "mov r80, r81",
                *change.get(at, []),
                store,
                reader,
            ]
            for at in range(40)
        )
        return [line for text in texts for line in text]

    head = [*rings.places(4, r.SLOTS), f"li r82, {OTHER}", *r.put()]
    puts = ["muli r81, r10, 64", f"addi r81, r81, {512 + step * 20}"]
    assert check(4, r.whole([*head, *layers({})])) == ""
    assert check(4, r.whole([*head, *layers({20: puts})])) in RULES
    assert check(4, r.whole([*head[:-3], *layers({20: puts})])) in RULES
    assert check(4, r.whole([*head, *layers({20: [f"li r80, {r.HOME}"]})])) in RULES
