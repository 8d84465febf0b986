"""Broken rings: each mutant is refused by a rule of its kind, or does what the good program does.

Mutants that are accepted run on a ring with the reference path, which traps where anything is read
that was not written. What a device puts into its part is not among them: that is its own matter,
as it is on a device alone.
"""

import numpy as np
import pytest

from runtime.device.memory import Array
from runtime.ring.checks.load import Unsafe
from tests.unit.runtime.ring.checks.load.mutants import mutants
from tests.unit.runtime.ring.checks.load.rings import (
    SEEN,
    Ring,
    code_of,
    gather,
    hops,
    looped,
    put,
    read_all,
    whole,
)

ALLOWED = {
    "drop": {"bounds", "block", "cycle", "left over", "place", "unread", "stale"},
    "duplicate": {"block", "cycle", "left over", "place", "message"},
    "swap": {"block", "cycle", "place", "bounds", "stale"},
    "redirect": {"cycle"},
    "extent": {"message", "bounds", "block", "unwritten"},
    "stride": {"place", "bounds", "block"},
    "base": {"place", "bounds", "block"},
    "type": {"message", "bounds"},
    "scalar": {"place", "bounds", "block", "stale", "unread"},
}
OTHER = ["li r20, 1024", "map1.exp (r1,r1,r1,r2), f32 r20[r0,r0,r0,r4], f32 r0[r0,r0,r0,r4]"]
"""Own bytes that are other ones."""
PROGRAMS = {
    "once": (4, 8, whole(gather(4))),
    "once, links of one message": (4, 1, whole(gather(4))),
    "in a loop": (4, 8, whole(looped(gather(4), 3))),
    "twice": (
        4,
        8,
        whole([*gather(4), *OTHER, *put(), *hops(4), *read_all(4, to=SEEN + 1024)]),
    ),
    "two devices": (2, 8, whole(gather(2))),
}


def same(found: list[Array], wanted: list[Array]) -> bool:
    """Whether all devices have what is wanted."""
    return all(np.array_equal(one, other) for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_broken_ring_is_refused_or_harmless(name: str):
    devices, depth, lines = PROGRAMS[name]
    code, ring, refused, harmless = code_of(lines), Ring(devices, depth), set[tuple[str, str]](), 0
    ring.check(code)
    wanted = ring.run(code)
    for kind, mutant in mutants(code, range(30, 30 + devices)):
        try:
            ring.check(mutant)
        except Unsafe as error:
            refused.add((kind, error.rule))
            continue
        harmless += 1
        assert same(ring.run(mutant), wanted), kind
    assert {(kind, rule) for kind, rule in refused if rule not in ALLOWED[kind]} == set()
    assert {kind for kind, _ in refused} == set(ALLOWED)
    assert harmless


def test_a_ring_that_mixes_up_its_parts_gives_other_numbers_to_who_runs_it_nevertheless():
    """What judges the mutants sees it when one of them does harm."""
    good = whole(gather(4))
    bad = [line.replace("r31", "r3X") if "recv" in line else line for line in good]
    bad = [line.replace("r33", "r31") if "recv" in line else line for line in bad]
    bad = [line.replace("r3X", "r33") for line in bad]
    ring = Ring(4)
    with pytest.raises(Unsafe):
        ring.check_lines(bad)
    assert not same(ring.run(code_of(bad)), ring.run(code_of(good)))
