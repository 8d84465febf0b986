"""Programs that are good and are accepted, each of which runs on a ring, too."""

import numpy as np
import pytest

from runtime.ring.checks.load import Unsafe
from tests.unit.runtime.ring.checks import rows as r
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
    whole,
)

DEVICES = [2, 4, 8]


def accepted(ring: Ring, lines: list[str]) -> bytes:
    """Check a program and run it; what the devices found, which must be the same."""
    code = code_of(whole(lines))
    ring.check(code)
    first, *others = ring.run(code)
    assert all(np.array_equal(first, other) for other in others)
    return first.tobytes()


@pytest.mark.parametrize("depth", [1, 8])
@pytest.mark.parametrize("devices", DEVICES)
def test_an_all_gather_is_accepted(devices: int, depth: int):
    found = accepted(Ring(devices, depth), gather(devices))
    parts = [np.random.default_rng(d).standard_normal(16, np.float32) for d in range(devices)]
    assert found[: 64 * devices] == (-np.concatenate(parts)).tobytes()


@pytest.mark.parametrize("devices", DEVICES)
def test_one_in_a_loop_is_accepted(devices: int):
    accepted(Ring(devices), looped(gather(devices), 5))


@pytest.mark.parametrize("devices", DEVICES)
def test_one_in_a_loop_in_a_loop_behind_another_one_is_accepted(devices: int):
    inner = looped(gather(devices, to=SEEN + 1024), 3, counter=7)
    accepted(Ring(devices), [*gather(devices), *looped([*own(), *inner], 4)])


@pytest.mark.parametrize("devices", DEVICES)
def test_two_in_flight_are_accepted(devices: int):
    other = 40
    sends = [*put(), *put(other)]
    pairs = zip(hops(devices), hops(devices, other), strict=True)
    both = [*own(), *places(devices, 4096), *places(devices, 8192, other), *sends]
    both += [line for pair in pairs for line in pair]
    accepted(
        Ring(devices),
        [*both, *read_all(devices), *read_all(devices, 8192, SEEN + 1024)],
    )


@pytest.mark.parametrize("devices", DEVICES)
def test_what_is_gathered_from_gathered_bytes_is_accepted(devices: int):
    again = [*places(devices, 8192, 40), "li r20, 4096", *put(40), *hops(devices, 40)]
    accepted(Ring(devices), [*gather(devices), *again, *read_all(devices, 8192, SEEN + 1024)])


@pytest.mark.parametrize("devices", DEVICES)
def test_a_message_that_is_split_by_rows_is_accepted(devices: int):
    """Rows of 4 elements of a part of 4 x 4, at addresses that depend on device and turn."""
    rows = [
        *(f"muli r{50 + j}, r5, 16" for j in range(1)),
        *(f"add r{60 + j}, r{30 + j}, r50" for j in range(devices)),
        "add r51, r20, r50",
        "copy (r1,r1,r1,r4), f32 r60[r0,r0,r0,r4], f32 r51[r0,r0,r0,r4]",
        *hops(devices, 60, "(r1,r1,r1,r4), f32 {}[r0,r0,r0,r4]"),
    ]
    lines = [*own(), *places(devices, 4096), *looped(rows, 4), *read_all(devices)]
    accepted(Ring(devices, depth=1), lines)


@pytest.mark.parametrize("devices", DEVICES)
def test_an_exchange_by_rows_of_which_the_last_are_fewer_is_accepted(devices: int):
    """Three of five elements at a time pass through one buffer to HBM and back."""
    body = [
        "sub r52, r6, r5", "min r52, r52, r51", "muli r53, r5, 4",
        "load (r1,r1,r1,r52), f32 r30[r0,r0,r0,r4], f32 r53[r0,r0,r0,r4]",
        *hops(devices, 30, "(r1,r1,r1,r52), f32 {}[r0,r0,r0,r4]"),
        "addi r53, r53, 64", "li r54, 64", f"li r55, {devices}",
        "store (r1,r1,r55,r52), f32 r53[r0,r0,r56,r4], f32 r21[r0,r0,r54,r4]",
        "loop r5, r6, 3, A",
    ]  # fmt: skip
    first, *rest = body
    accepted(
        Ring(devices),
        [
            *places(devices, 4096), "li r21, 4096", "li r51, 3", "li r56, 20", "li r5, 0",
            "li r6, 5", f"A: {first}", *rest, f"li r57, {5 * devices}", "li r58, 64",
            f"li r59, {SEEN}", "load (r1,r1,r1,r57), f32 r59[r0,r0,r0,r4], f32 r58[r0,r0,r0,r4]",
        ],
    )  # fmt: skip


def test_a_message_of_as_many_rows_as_a_symbol_says_is_accepted():
    ring = Ring(4, symbols={9: (1, 4)})
    block = "(r1,r1,r9,r4), f32 {}[r0,r0,r2,r4]"
    lines = [
        *own(), *places(4, 4096),
        "copy (r1,r1,r9,r4), f32 r30[r0,r0,r2,r4], f32 r20[r0,r0,r2,r4]",
        *hops(4, 30, block),
        "li r21, 4096", f"li r22, {SEEN}",
        "map1.neg (r1,r4,r9,r4), f32 r22[r0,r3,r2,r4], f32 r21[r0,r3,r2,r4]",
    ]  # fmt: skip
    accepted(ring, lines)


def test_a_part_of_what_was_gathered_may_lie_at_an_address_of_each_device():
    ring = Ring(4)
    lines = [
        *gather(4),
        "muli r60, r12, 64", "addi r60, r60, 4096", "li r61, 512",
        "copy (r1,r1,r1,r2), f32 r61[r0,r0,r0,r4], f32 r60[r0,r0,r0,r4]",
    ]  # fmt: skip
    ring.check_lines(whole(lines))


def test_a_branch_may_depend_on_a_number_that_came_off_the_ring():
    ring = Ring(2)
    block = "(r1,r1,r1,r1), i64 {}[r0,r0,r0,r0]"
    lines = [
        "iota (r1,r1,r1,r1), i64 r0[r0,r0,r0,r0], r10, (r0,r0,r0,r0)",
        "li r3, 64", *places(2, 4096), "copy " + block.format("r30") + ", i64 r0[r0,r0,r0,r0]",
        *hops(2, 30, block),
        "lds r7, 4096", "bge r7, r1, A", "out r7", "A: li r8, 1",
    ]  # fmt: skip
    ring.check_lines(whole(lines))


def test_a_body_may_read_what_was_gathered_before_its_loop_and_gather_the_next():
    """The first turn reads what was gathered before, the next ones what the turn before did."""
    turn = ["map1.abs (r1,r1,r1,r2), f32 r20[r0,r0,r0,r4], f32 r21[r0,r0,r0,r4]", *put(), *hops(4)]
    before = [*own(), *places(4, 4096), *put(), *hops(4), "li r21, 4096"]
    accepted(Ring(4), [*before, *looped(turn, 3), *read_all(4)])


def test_of_what_was_gathered_a_part_may_be_all_that_is_read():
    tail = ["li r21, 4100", f"li r22, {SEEN}", "li r23, 60"]
    tail.append("map1.neg (r1,r1,r1,r23), f32 r22[r0,r0,r0,r4], f32 r21[r0,r0,r0,r4]")
    accepted(Ring(4), [*own(), *places(4, 4096), *put(), *hops(4), *tail])


def test_a_body_may_load_its_bound_where_it_begins():
    """Where registers are few they hold something else in between, before the loop as well."""
    row = "(r1,r1,r1,r1), f32 {}[r0,r0,r0,r0]"
    lines = [
        "li r6, 4", "sts r6, 2048", "li r6, 1", "li r5, 0", "li r24, 1024",
        "A: lds r6, 2048", "muli r25, r5, 4", "addi r25, r25, 1024",
        "fill " + row.format("r25") + ", r5", "loop r5, r6, 1, A", f"li r22, {SEEN}",
        "copy (r1,r1,r1,r4), f32 r22[r0,r0,r0,r4], f32 r24[r0,r0,r0,r4]",
    ]  # fmt: skip
    accepted(Ring(2), lines)


def test_what_was_put_before_a_loop_of_one_turn_may_be_exchanged_and_read_in_it():
    """Where that lies hangs on the turn, so that the body is looked at twice."""
    turn = [*hops(2), *read_all(2), "addi r24, r5, 128", "copy (r1,r1,r1,r2), "
            "f32 r24[r0,r0,r0,r4], f32 r22[r0,r0,r0,r4]"]  # fmt: skip
    accepted(Ring(2), [*own(), *places(2, 4096), *put(), *looped(turn, 1)])


@pytest.mark.parametrize("check", r.CHECKS)
@pytest.mark.parametrize(("function", "rule"), [("max", ""), ("min", ""), ("sum", "branch")])
def test_of_what_was_exchanged_the_greatest_is_the_same_on_every_machine(
    check: str, function: str, rule: str
):
    """Two of 16 numbers each, eight bytes, right before what was exchanged; a sum may round."""
    rows = "(r1,r1,r61,r2), f32 r60[r0,r0,r4,r4], f32 r21[r0,r0,r3,r4]"
    lines = [
        *gather(2), "li r60, 4088", "li r61, 2", f"reduce.{function} {rows}, 8, 0",
        *read_all(2), "lds r62, 4088", "out r62",
    ]  # fmt: skip
    assert r.CHECKS[check](2, whole(lines)) == rule


@pytest.mark.parametrize("left", ["r1", "r10"], ids=["all alike", "each its own"])
def test_what_a_turn_leaves_is_what_the_next_one_branches_on(left: str):
    """The first turn finds what all devices have."""
    write = "iota (r1,r1,r1,r1), i64 r60[r0,r0,r0,r0], {}, (r0,r0,r0,r0)"
    turn = ["lds r62, 8192", "out r62", write.format(left)]
    lines = whole([*gather(2), "li r60, 8192", write.format("r1"), *looped(turn, 3)])
    assert r.CHECKS["load"](2, lines) == ("" if left == "r1" else "branch")


@pytest.mark.parametrize("first", [1024, 1024 - 64])
def test_rows_that_lie_apart_in_hbm_are_alike_whatever_lies_between(first: int):
    """A branch follows them: all devices have stored the same there, and between what they hold."""
    rows = "(r1,r1,r4,r4), i32 {}[r0,r0,r71,r4], i32 {}[r0,r0,{},r4]"
    lines = [
        *own(), "li r70, 20480", "li r71, 128", "li r75, 16", f"li r72, {first}", "li r73, 24576",
        "li r77, 896", "store (r1,r1,r71,r4), i32 r77[r0,r0,r75,r4], i32 r20[r0,r0,r0,r4]",
        "fill (r1,r1,r1,r2), i32 r70[r0,r0,r0,r4], r1", "li r76, 1024",
        f"store {rows.format('r76', 'r70', 'r0')}", f"load {rows.format('r73', 'r72', 'r71')}",
        "copy (r1,r1,r4,r4), i32 r70[r0,r0,r75,r4], i32 r73[r0,r0,r71,r4]",
        "lds r80, 20480", "bge r80, r1, A", "A: li r8, 1",
    ]  # fmt: skip
    ring = Ring(2)
    if first == 1024:
        ring.check_lines(whole(lines))
        return
    with pytest.raises(Unsafe) as refused:
        ring.check_lines(whole(lines))
    assert refused.value.rule == "branch"


def test_two_loops_begin_with_one_instruction():
    """The inner one has two turns, the outer one has one."""
    first, *rest = gather(2)
    lines = [
        *("li r5, 0", "li r6, 1", "li r7, 0", "li r8, 2"), f"L: {first}", *rest,
        "loop r7, r8, 1, L", "loop r5, r6, 1, L",
    ]  # fmt: skip
    accepted(Ring(2), lines)
