"""What instructions make, on every machine alike or on each its own."""

from __future__ import annotations

import pytest

from runtime.isa.spec import DataInst
from runtime.isa.syntax import parse
from runtime.ring.checks.load.memory.blocks import block
from runtime.ring.checks.load.touches import is_exact
from tests.unit.runtime.ring.checks.load.rings import whole
from tests.unit.runtime.ring.checks.rows import by_load

ROWS = "(r1,r1,r1,r2), {0} r3[r0,r0,r0,r4], {0} r6[r0,r0,r0,r4], i64 r5[r0,r0,r0,r9], r7, r8"
ONE = "(r1,r1,r1,r2), {0} r3[r0,r0,r0,r4], {0} r5[r0,r0,r0,r4]"
TWO = f"{ONE}, {{0}} r6[r0,r0,r0,r4]"
LINES = {
    "scatter.set": ROWS, "scatter.add": ROWS, "map1.neg": ONE, "map2.add": TWO, "copy": ONE,
    "reduce.sum": f"{ONE}, 8, 0", "reduce.max": f"{ONE}, 8, 0", "reduce.min": f"{ONE}, 8, 0",
}  # fmt: skip
EXACT = {
    "f32": {"scatter.set", "copy", "reduce.max", "reduce.min"},
    "i32": LINES.keys() - {"scatter.add"},
}
"""Sums and functions of floats may be rounded otherwise, and how a scatter sums is not said."""


@pytest.mark.parametrize("element", EXACT)
@pytest.mark.parametrize("name", LINES)
def test_what_every_machine_makes_alike(name: str, element: str):
    inst = parse(f"{name} {LINES[name].format(element)}", {})
    assert isinstance(inst, DataInst)
    assert is_exact(inst) is (name in EXACT[element])


@pytest.mark.parametrize(("place", "rule"), [("r0", ""), ("r10", "branch")])
def test_what_is_loaded_from_a_place_of_each_device_is_its_own(place: str, rule: str):
    """All have stored the same row, of numbers that differ; a branch follows what one finds."""
    lines = [
        "li r70, 20480", "iota (r1,r1,r1,r2), i64 r70[r0,r0,r0,r71], r0, (r0,r0,r0,r1)",
        "li r72, 1024", "store (r1,r1,r1,r2), i64 r72[r0,r0,r0,r71], i64 r70[r0,r0,r0,r71]",
        f"muli r73, {place}, 8", "add r73, r73, r72", "li r74, 24576",
        "load (r1,r1,r1,r1), i64 r74[r0,r0,r0,r71], i64 r73[r0,r0,r0,r71]",
        "lds r80, 24576", "bge r80, r1, A", "A: li r8, 1",
    ]  # fmt: skip
    assert by_load(2, whole(["li r71, 8", *lines])) == rule


@pytest.mark.parametrize(
    ("count", "stride", "hull"),
    [(1, 8, (64, 72)), (2, 8, (64, 80)), (3, -8, (48, 72)), (0, 8, (64, 72))],
)
def test_rows_that_an_index_chooses_end_with_the_last(
    count: int, stride: int, hull: tuple[int, int]
) -> None:
    """An index traps that is not below their number."""
    found = block(64, ((0, 8),), (count, stride))
    assert found is not None
    assert found.hull == hull
