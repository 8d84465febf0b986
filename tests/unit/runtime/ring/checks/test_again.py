"""Devices that put fewer rows than they send: the others are older ones of their own.

Which rows a device puts is its own matter here, and that of what was meant (`test_meant`). All
devices have the same of them, and that is what both checks promise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.unit.runtime.ring.checks.gathers import ARENA, by_each
from tests.unit.runtime.ring.checks.load import rings
from tests.unit.runtime.ring.checks.test_counted import (
    CASE,
    EXCHANGE,
    HEAD,
    LOAD,
    OLDER,
    OWN,
    PUT,
    READ,
    READ_BY_ROWS,
)

AT_ONCE = PUT[6].replace("r54[", "r50[")
PUTS = {
    "one": ["li r51, 1", AT_ONCE],
    "one less than a symbol says": ["addi r51, r9, -1", AT_ONCE],
    "as many as a symbol says": ["mov r51, r9", AT_ONCE],
    "some, in turns": [*PUT[:1], "P: addi r51, r9, -1", "sub r51, r51, r5", *PUT[2:]],
}
MESSAGE = [f"li r51, {CASE.rows}", "li r53, 0", "mov r54, r50", LOAD, *EXCHANGE[7:-1]]
READS = {"at once": [f"li r9, {CASE.rows}", *READ], "row by row": READ_BY_ROWS}


def _read(lines: Sequence[str], count: int) -> list[bytes]:
    """What each device reads where a symbol is a number."""
    text = [f"li r9, {count}", *CASE.whole([*HEAD, *lines])]
    ring = rings.Ring(CASE.devices, arena=ARENA)
    return [np.asarray(found).tobytes() for found in ring.run(rings.code_of(text), turns=1 << 16)]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("put", PUTS)
def test_older_rows_that_a_device_sends_again_are_the_same_on_all(put: str, read: str):
    lines = [*OLDER, *OWN, *PUTS[put], *MESSAGE, *READS[read]]
    assert by_each(CASE, CASE.whole([*HEAD, *lines]))["load"] == ""
    for count in (1, 3, CASE.rows):
        assert len({*_read(lines, count)}) == 1
