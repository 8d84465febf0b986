"""Messages of bytes that were put at different times: each part is judged."""

from __future__ import annotations

from random import Random

import pytest

from runtime.ring.checks.load import Unsafe
from runtime.ring.checks.load.memory.growing import Grown
from runtime.ring.checks.load.memory.messages import Messages
from runtime.ring.checks.load.memory.runs import EVERYBODY, Kind, Runs, tags_of
from runtime.ring.checks.load.memory.tags import Tags
from runtime.ring.checks.load.refusal import Narrator
from runtime.ring.checks.load.state import Slotted
from tests.unit.runtime.ring.checks.load.rings import (
    Ring,
    code_of,
    gather,
    hops,
    looped,
    own,
    places,
    put,
    read_all,
    whole,
)

FIXED = Grown((), (1, 1, 1, 1, 0, 0, 0, 0), 1)
"""Of which there is as much whatever symbols are."""
HALF = "(r1,r1,r1,r50), f32 r{}[r0,r0,r0,r4], f32 r{}[r0,r0,r0,r4]"
HALVES = ["li r50, 8", "addi r51, r30, 32", "li r52, 32"]
"""Eight elements, and where the second half of the own slot and of the own bytes begin."""
FIRST, SECOND = f"copy {HALF.format(30, 20)}", f"copy {HALF.format(51, 52)}"


@pytest.mark.parametrize("halves", [[FIRST, SECOND], [SECOND, FIRST]], ids=["in order", "back"])
def test_halves_that_are_put_one_after_the_other_are_one_message(halves: list[str]):
    again = [*HALVES, *halves, *hops(4), *read_all(4)]
    Ring(4).check_lines(whole([*gather(4), *again]))


@pytest.mark.parametrize("half", [FIRST, SECOND], ids=["first", "second"])
def test_a_half_that_was_exchanged_before_is_not_sent_with_a_new_one(half: str):
    again = [*HALVES, half, *hops(4), *read_all(4)]
    with pytest.raises(Unsafe) as refused:
        Ring(4).check_lines(whole([*gather(4), *again]))
    assert refused.value.rule == "block"


@pytest.mark.parametrize("half", [FIRST, SECOND], ids=["first", "second"])
def test_a_half_that_lies_elsewhere_than_it_was_put_is_not_sent_with_another(half: str):
    """The neighbour's half stands in the own slot, from where it was sent before."""
    at, row = (30, 31) if half is SECOND else (51, 53)
    swap = [
        "addi r53, r31, 32",
        "send.left (r1,r1,r1,r50), f32 r31[r0,r0,r0,r4]".replace("r31", f"r{row}"),
    ]
    lines = [
        *gather(4),
        *HALVES,
        *put(),
        *swap,
        f"recv.right (r1,r1,r1,r50), f32 r{at}[r0,r0,r0,r4]",
    ]
    with pytest.raises(Unsafe):
        Ring(4).check_lines(whole([*lines, half, *hops(4), *read_all(4)]))


@pytest.mark.parametrize("pitch", [32, 40, 64])
def test_halves_that_are_received_elsewhere_are_where_they_were_received(pitch: int):
    """The message has two rows, one behind the other where it is sent."""
    rows = "(r1,r1,r54,r50), f32 r{}[r0,r0,r{},r4]"
    hop = [f"send.left {rows.format(30, 52)}", f"recv.right {rows.format(31, 55)}"]
    lines = [*own(), *places(2, 4096), *HALVES, "li r54, 2", f"li r55, {pitch}", *put(), *hop]
    ring, text = Ring(2), whole([*lines, *read_all(2)])
    if pitch == 32:
        ring.check_lines(text)
        return
    with pytest.raises(Unsafe):
        ring.check_lines(text)


def off_on(device: int, by: int) -> list[str]:
    """So many bytes in r70 on one device, and 0 on the others."""
    lines: list[str] = []
    for register, first in (("r70", device), ("r71", device + 1)):
        lines += [f"addi {register}, r10, {1 - first}", f"max {register}, {register}, r0"]
        lines += [f"min {register}, {register}, r1"]
    return [*lines, "sub r70, r70, r71", f"muli r70, r70, {by}"]


ELSEWHERE = [-64, -4, 4, 64, 1024]
"""Bytes from where a device should have an operand."""


@pytest.mark.parametrize("device", range(4))
@pytest.mark.parametrize("number", range(4), ids=["put", "first send", "receive", "last send"])
def test_one_device_that_has_an_operand_elsewhere_is_seen(device: int, number: int):
    """Whichever of them it is: with nothing between it and the others the program is good."""
    at = (0, 1, 2, 5)[number]
    ring, lines = Ring(4), [*put(), *hops(4)]
    register = ("r30", "r30", "r31", "r31")[number]
    assert f"f32 {register}[" in lines[at]
    lines[at] = lines[at].replace(f"f32 {register}[", "f32 r72[", 1)
    head = [*own(), *places(4, 4096)]
    for by in (0, *ELSEWHERE):
        moved = [*off_on(device, by), f"add r72, {register}, r70"]
        text = whole([*head, *moved, *lines, *read_all(4)])
        if by == 0:
            ring.check_lines(text)
            continue
        with pytest.raises(Unsafe) as refused:
            ring.check_lines(text)
        assert refused.value.rule in ("block", "place", "unwritten")


@pytest.mark.parametrize("seed", range(4))
def test_each_byte_of_each_device_has_the_tag_of_who_put_it_last(seed: int):
    """Parts begin and end where runs do, and within them; each byte is kept apart here."""
    random, tags, lmu = Random(seed), Tags(Narrator(code_of(["halt"]), lambda _: []), 3), Runs()
    expected: dict[tuple[int, int], tuple[int, int]] = {}
    for event in range(40):
        parts, kind = _parts(random), random.choice([None, None, Kind.OWN, Kind.SAME])
        bases = random.sample((0, 32, 64, 128), 3) if kind is None else [96] * 3
        if kind is None:
            tags.put_block(lmu, 0, bases, parts, FIXED)
        else:
            tags.put(lmu, 0, bases[0], parts, kind, FIXED)
        for device, base in enumerate(bases):
            origin = EVERYBODY if kind is Kind.SAME else device
            for low, high in parts:
                expected |= {(device, at): (origin, event) for at in range(base + low, base + high)}
    found = {at: tags_of(lmu.at(at), 3) for at in range(200)}
    for at, held in found.items():
        for device, tag in enumerate(held):
            assert (tag and tag[:2]) == expected.get((device, at))
    _check_messages(tags, lmu, expected, random)


def _parts(random: Random) -> tuple[tuple[int, int], ...]:
    cuts = sorted(random.sample(range(17), random.choice((2, 2, 4))))
    return tuple((4 * low, 4 * high) for low, high in zip(cuts[::2], cuts[1::2], strict=True))


def _check_messages(
    tags: Tags, lmu: Runs, expected: dict[tuple[int, int], tuple[int, int]], random: Random
) -> None:
    """A message has one tag on each device only if all of its bytes there have that one."""
    count = 0
    for _ in range(600):
        parts, bases = _parts(random), random.sample((0, 32, 64, 96, 128, 160), 3)
        try:
            sent = Messages(tags).send(lmu, 0, bases, parts, FIXED)
        except Unsafe:
            continue
        for device, tag in enumerate(sent.tags if isinstance(sent, Slotted) else ()):
            its = [at for low, high in parts for at in range(low, high)]
            assert {expected.get((device, bases[device] + at)) for at in its} == {tag[:2]}
            count += 1
    assert count


def test_what_every_device_wrote_is_not_sent_from_the_places_of_the_others():
    """It stands there until a part is received, and beside parts that were put."""
    fill = ["li r60, 4096", "li r61, 64", "fill (r1,r1,r1,r61), f32 r60[r0,r0,r0,r4], r1"]
    first, second, *rest = hops(4)
    moved = [first.replace("r30[", "r31["), second, *rest]
    with pytest.raises(Unsafe) as refused:
        Ring(4).check_lines(whole([*own(), *places(4, 4096), *fill, *put(), *moved, *read_all(4)]))
    assert refused.value.rule == "block"


@pytest.mark.parametrize("inner", [False, True], ids=["read by the turn", "read in a loop"])
@pytest.mark.parametrize("left", ["nothing", "what all wrote"])
def test_a_part_of_before_a_loop_is_sent_by_one_turn_at_most(left: str, inner: bool):
    """In the next one there is in its place what was exchanged, or what all devices wrote."""
    head, read = [*own(), *places(4, 4096)], read_all(4)
    turn = [*hops(4), *(looped(read, 2, counter=7) if inner else read)]
    Ring(4).check_lines(whole([*head, *looped([*put(), *turn], 3)]))
    fill = ["li r60, 4096", "li r61, 64", "fill (r1,r1,r1,r61), f32 r60[r0,r0,r0,r4], r1"]
    text = whole([*head, *put(), *looped([*turn, *fill] if left != "nothing" else turn, 3)])
    with pytest.raises(Unsafe) as refused:
        Ring(4).check_lines(text)
    assert refused.value.rule in ("block", "place", "settle")


@pytest.mark.parametrize("y", [4096, 8192])
def test_parts_that_all_devices_have_elsewhere_than_they_were_put_are_not_read(y: int):
    """Each part goes around the ring, and lies with all 4096 bytes from where it was put."""
    hop = ["send.left {}", "recv.right {}"]
    row = "(r1,r1,r1,r2), f32 r{}[r0,r0,r0,r4]"
    pairs = [(30, 31), (31, 40), (30, 41)]
    moves = [
        text.format(row.format(register))
        for pair in pairs
        for text, register in zip(hop, pair, strict=True)
    ]
    lines = [*own(), *places(2, 4096), *places(2, 8192, 40), *put(), *moves, *read_all(2, y)]
    if y == 4096:
        Ring(2).check_lines(whole(lines))
        return
    with pytest.raises(Unsafe) as refused:
        Ring(2).check_lines(whole(lines))
    assert refused.value.rule == "place"
