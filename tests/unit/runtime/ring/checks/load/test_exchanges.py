"""Exchanges that are followed as wholes: they leave what their messages leave one by one."""

from collections.abc import Sequence
from copy import deepcopy

import pytest

from runtime.isa.spec import Inst
from runtime.ring.checks.load import Unsafe, walk
from runtime.ring.checks.load.layers.exchanges import Exchanges, Way, followed
from runtime.ring.checks.load.memory.events import Block
from runtime.ring.checks.load.memory.runs import Held, Runs
from runtime.ring.checks.load.refusal import Narrator
from runtime.ring.checks.load.state import State
from runtime.ring.checks.load.walk import Walk
from tests.unit.runtime.ring.checks.load.mutants import mutants
from tests.unit.runtime.ring.checks.load.rings import (
    SEEN,
    Ring,
    code_of,
    gather,
    hops,
    looped,
    own,
    places,
    put,
    read_all,
    target_of,
    whole,
)

AGAIN = [*gather(4), *put(), *hops(4), *read_all(4)]
HALF = [line.replace("r1,r2)", "r1,r8)") for line in put()]
OTHER = ["map1.exp (r1,r1,r1,r2), f32 r20[r0,r0,r0,r4], f32 r20[r0,r0,r0,r4]"]
MOVED = [
    "send.left (r1,r1,r1,r2), f32 r30[r0,r0,r0,r4]",
    "recv.right (r1,r1,r1,r2), f32 r40[r0,r0,r0,r4]",
    "send.left (r1,r1,r1,r2), f32 r40[r0,r0,r0,r4]",
    "recv.right (r1,r1,r1,r2), f32 r41[r0,r0,r0,r4]",
]
"""The part of a neighbour to another place, and from there to the place of the part of the next."""
PROGRAMS: dict[str, tuple[int, list[str]]] = {
    **{f"{devices} devices": (devices, whole(gather(devices))) for devices in (2, 4, 8)},
    "twice": (4, whole(AGAIN)),
    "in a loop": (4, whole(looped(gather(4), 3))),
    "addresses computed in between": (2, whole([
        *own(), *places(2, 4096), *put(), "send.left (r1,r1,r1,r2), f32 r30[r0,r0,r0,r4]",
        "addi r40, r31, 64", "addi r31, r40, -64",
        "recv.right (r1,r1,r1,r2), f32 r31[r0,r0,r0,r4]", *read_all(2),
    ])),
    "half of it put later": (2, whole([
        *own(), *places(2, 4096), *put(), *hops(2), "li r8, 8", *HALF, *hops(2), *read_all(2),
    ])),
    "to another place and back": (2, whole([
        *gather(2, 8192, 40), *OTHER, *places(2, 4096), *put(),
        *MOVED, *hops(2), *read_all(2),
    ])),
}  # fmt: skip


def _stories(lmu: Runs) -> list[tuple[int, Held]]:
    """What lies from each byte on at which it is something else."""
    found: list[tuple[int, Held]] = []
    for start, held in zip(lmu.starts, lmu.held, strict=True):
        if not found or found[-1][1] != held:
            found.append((start, held))
    return found


def _left(state: State, blocks: dict[int, Block]) -> tuple[object, ...]:
    return _stories(state.lmu), state.registers, state.in_flight(), blocks


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where exchanges begin that are followed as wholes, and message by message, too."""
    found, walks, execute = list[int](), list[Walk](), Exchanges.execute

    def made(self: Walk, *arguments: object, **named: object) -> None:
        walks.append(self)
        init(self, *arguments, **named)  # pyright: ignore[reportArgumentType]

    def both(self: Exchanges, at: int, state: State) -> int:
        known, other = self.data.tags.known, state.copy()
        before = deepcopy(known.blocks)
        end = execute(self, at, state)
        if end != at:
            after, known.blocks = known.blocks, before
            walks[-1]._one_by_one(at, end, other)
            assert _left(state, after) == _left(other, known.blocks)
            known.blocks = after
            found.append(at)
        return end

    init = Walk.__init__
    monkeypatch.setattr(walk.Walk, "__init__", made)
    monkeypatch.setattr(Exchanges, "execute", both)
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_exchange_as_a_whole_leaves_what_its_messages_leave(name: str, compared: list[int]):
    devices, lines = PROGRAMS[name]
    Ring(devices).check_lines(lines)
    assert compared


def _verdict(ring: Ring, code: Sequence[Inst]) -> tuple[str, tuple[int, ...]] | None:
    try:
        ring.check(code)
    except Unsafe as refused:
        return str(refused), refused.pcs
    return None


@pytest.mark.parametrize("depth", [1, 8])
@pytest.mark.parametrize("name", ["4 devices", "to another place and back"])
def test_what_is_wrong_with_a_message_is_said_as_if_each_were_followed(
    name: str, depth: int, monkeypatch: pytest.MonkeyPatch
):
    devices, lines = PROGRAMS[name]
    ring, code = Ring(devices, depth), code_of(lines)
    codes = [code, *(mutant for _, mutant in mutants(code, [*range(30, 34), *range(40, 42)]))]
    found = [_verdict(ring, one) for one in codes]
    monkeypatch.setattr(Exchanges, "execute", lambda self, at, state: at)
    assert found == [_verdict(ring, one) for one in codes]
    assert {None} < {*found}


TWO = [
    *own(), *places(2, 4096), *places(2, 8192, 40), *put(),
    "copy (r1,r1,r1,r2), f32 r40[r0,r0,r0,r4], f32 r20[r0,r0,r0,r4]", *hops(2), *hops(2, 40),
]  # fmt: skip
"""Two exchanges whose messages follow each other."""


@pytest.mark.parametrize("y", [4096, 8192])
def test_of_exchanges_that_follow_each_other_each_is_to_be_read(y: int):
    with pytest.raises(Unsafe, match="no instruction reads") as refused:
        Ring(2).check_lines(whole([*TWO, *read_all(2, y)]))
    assert refused.value.rule == "unread"
    Ring(2).check_lines(whole([*TWO, *read_all(2, y), *read_all(2, 12288 - y, SEEN + 1024)]))


def test_a_block_of_as_much_as_a_symbol_says_is_not_sent_as_if_it_were_whole():
    lines = whole([*own(), *places(2, 4096), *put(), *hops(2), *read_all(2)])
    grown = [line.replace("r1,r2)", "r1,r9)") if "copy" in line else line for line in lines]
    assert lines != grown
    with pytest.raises(Unsafe) as refused:
        Ring(2, symbols={9: (1, 16)}).check_lines(grown)
    assert refused.value.rule == "message"


GOOD = [*own(), *places(2, 4096), *put(), *hops(2), *read_all(2)]
EIGHTS = ["li r8, 8", *own(), *places(2, 4100), *put()]
WRONG: dict[str, tuple[list[str], str]] = {
    "of fewer than no rows": (
        ["li r40, -1", *GOOD[:-4], *hops(2, block="(r40,r40,r1,r2), f32 {}[r0,r0,r0,r4]")],
        "message",
    ),
    "parts that overlap": ([line.replace(", 64", ", 60") for line in GOOD], "place"),
    "of numbers that are not aligned": (
        [*EIGHTS, *hops(2, block="(r1,r1,r1,r8), i64 {}[r0,r0,r0,r8]"), *read_all(2, 4100)],
        "bounds",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_messages_that_are_wrong_are_not_followed_as_wholes(name: str):
    lines, rule = WRONG[name]
    with pytest.raises(Unsafe) as refused:
        Ring(2).check_lines(whole(lines))
    assert refused.value.rule == rule


def test_a_branch_that_is_never_taken_may_lead_between_messages():
    send, *rest = hops(2)
    between = ["bge r0, r1, M", send, f"M: {rest[0]}", *rest[1:]]
    Ring(2).check_lines(whole([*own(), *places(2, 4096), *put(), *between, *read_all(2)]))


@pytest.mark.parametrize(("depth", "fits"), [(1, False), (2, True)])
def test_no_more_messages_are_on_their_way_than_links_hold(depth: int, fits: bool):
    code = code_of(whole(GOOD))
    ends = Walk(Narrator(code, lambda pc: []), 2, target_of(depth)).data.ends
    there, back = Way(True, "left", (0, 1), 0), Way(False, "right", (1, 0), 0)
    assert (followed([there, there, back, back], 2, ends) is not None) == fits
