"""Layers that load to places of their own, or exchange by way of such: each counts."""

import pytest

from runtime.ring.checks.load import Unsafe
from runtime.ring.checks.load.layers.again import Again
from tests.unit.runtime.ring.checks.load.rings import Ring, hops, own, places, put, read_all, whole

LAYERS, LATE = 20, 16
PLACES, ALIKE = 28672, 1024
"""Where in the LMU each layer loads to, and where in HBM all devices have the same."""
RING = Ring(4, symbols={9: (1, 2)})


def _layers(extent: str, late: int) -> list[str]:
    """Gathers of layers each of which loads a few numbers, the late one from somewhere else."""
    lines = ["li r70, 24576", "fill (r1,r1,r1,r2), i64 r70[r0,r0,r0,r8], r1", f"li r71, {ALIKE}"]
    lines += ["store (r1,r1,r1,r2), i64 r71[r0,r0,r0,r8], i64 r70[r0,r0,r0,r8]"]
    for number in range(LAYERS):
        source = late if number == LATE else number % 4 * 8
        to, row = PLACES + 16 * number, "[r0,r0,r0,r8]"
        load = f"load (r1,r1,r1,{extent}), i64 r60{row}, i64 r61{row}"
        lines += [*put(), *hops(4), *read_all(4), f"li r60, {to}", f"li r61, {source}", load]
    return ["li r8, 8", "li r7, 2", *own(), *places(4, 4096), *lines]


def _verdict(lines: list[str]) -> str | None:
    try:
        RING.check_lines(whole(lines))
    except Unsafe as refused:
        return refused.rule
    return None


@pytest.mark.parametrize(("late", "rule"), [(ALIKE, None), (0, "branch")])
def test_a_branch_may_follow_what_a_late_layer_loads_if_all_devices_have_it(
    late: int, rule: str | None, monkeypatch: pytest.MonkeyPatch
):
    lines = [
        *_layers("r7", late),
        f"lds r80, {PLACES + 16 * LATE}",
        "bge r80, r1, A",
        "A: li r8, 1",
    ]
    assert _verdict(lines) == rule
    monkeypatch.setattr(Again, "leave_out", lambda self, at, state: at)
    assert _verdict(lines) == rule


@pytest.mark.parametrize(("extent", "rule"), [("r7", None), ("r9", "unwritten")])
def test_what_a_late_layer_loads_is_as_much_as_a_symbol_says(extent: str, rule: str | None):
    read = "map1.neg (r1,r1,r1,r7), i64 r22[r0,r0,r0,r8], i64 r60[r0,r0,r0,r8]"
    lines = [*_layers(extent, 0), f"li r60, {PLACES + 16 * LATE}", read]
    assert _verdict(lines) == rule


def test_messages_may_pass_through_places_that_differ_by_layer(monkeypatch: pytest.MonkeyPatch):
    """What the device after next has comes by way of a place that is the same on all devices."""
    line = "(r1,r1,r1,r2), f32 r{}[r0,r0,r0,r4]"
    hop = ["send.left " + line, "recv.right " + line]
    lines: list[str] = []
    for number in range(LAYERS):
        lines += [*put(), f"li r60, {PLACES + 64 * number}"]
        for source, place in ((30, 31), (30, 60), (60, 32)):
            lines += [hop[0].format(source), hop[1].format(place)]
        lines += ["send.right " + line.format(30), "recv.left " + line.format(33), *read_all(4)]
    good = [*own(), *places(4, 4096), *lines]
    assert _verdict(good) is None
    monkeypatch.setattr(Again, "leave_out", lambda self, at, state: at)
    assert _verdict(good) is None


def test_a_message_of_many_elements_side_by_side_is_one_piece():
    row, count, y = "(r1,r1,r1,r7), i8 {}[r0,r0,r0,r1]", 16400, 20000
    parts = [line.replace(" 64", f" {count}") for line in places(2, y)]
    lines = [f"li r7, {count}", *parts, "fill " + row.format("r30") + ", r1", *hops(2, block=row)]
    read = [f"li r21, {y}", "li r22, 0", "copy " + row.format("r22") + ", i8 r21[r0,r0,r0,r1]"]
    Ring(2).check_lines(whole([*lines, *read]))
