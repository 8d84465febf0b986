"""What gathers right is proved."""

from __future__ import annotations

import pytest

from runtime.ring.checks.compile import prove
from tests.unit.runtime.ring.checks.compile import programs as p

SIZES = pytest.mark.parametrize("devices", [2, 4, 8])


@SIZES
def test_an_all_gather_is_proved(devices: int):
    proof = prove(p.program(devices, p.gather(devices)))
    assert proof.messages == {"step": devices - 1}
    assert proof.gathered == 1


@SIZES
def test_one_message_of_room_on_each_link_is_enough(devices: int):
    assert prove(p.program(devices, p.gather(devices), depth=1)).in_flight == 1


@SIZES
def test_a_gather_in_each_turn_of_nested_loops_is_proved(devices: int):
    lines = [
        "li r80, 0", "li r81, 3", "outer:", "li r82, 0", "inner:",
        *p.gather(devices),
        f"loop r82, r{p.P}, 1, inner", "loop r80, r81, 1, outer",
    ]  # fmt: skip
    assert prove(p.program(devices, lines)).gathered == 1


@SIZES
def test_slots_that_are_used_again_are_proved(devices: int):
    again = [*p.produced(), p.own(), *p.hops(devices), *p.used(devices)]
    assert prove(p.program(devices, [*p.gather(devices), *again])).gathered == 2


@SIZES
def test_memory_of_slots_may_be_reused_with_slots_of_another_size(devices: int):
    lines = [
        *p.gather(devices),
        "li r102, 8",
        *p.produced(),
        *p.slots(devices, size=32, first=50),
        p.own(first=50),
        *p.hops(devices, first=50),
        *p.used(devices, size=8),
    ]
    assert prove(p.program(devices, lines)).gathered == 2


@SIZES
@pytest.mark.parametrize("shift", [-32, 32])
def test_memory_of_slots_may_be_reused_a_part_of_a_slot_aside(devices: int, shift: int):
    lines = [
        *p.gather(devices),
        *p.produced(),
        *p.slots(devices, base=p.Y + shift, first=50),
        p.own(first=50),
        *p.hops(devices, first=50),
        *p.used(devices, p.Y + shift),
    ]
    assert prove(p.program(devices, lines)).gathered == 2


@SIZES
def test_two_gathers_may_be_in_flight(devices: int):
    other = p.Y + 4096
    first, second = p.hops(devices), p.hops(devices, first=50)
    pairs = [first[at : at + 2] + second[at : at + 2] for at in range(0, len(first), 2)]
    sends_first = [line for four in pairs for line in (four[0], four[2], four[1], four[3])]
    lines = [
        *p.produced(), *p.produced(p.X + 1024, 61),
        *p.slots(devices), *p.slots(devices, base=other, first=50),
        p.own(), p.own(61, 50),
        *sends_first, *p.used(devices), *p.used(devices, other),
    ]  # fmt: skip
    assert prove(p.program(devices, lines)).in_flight == 2


@SIZES
def test_rows_whose_number_is_a_symbol_are_proved(devices: int):
    lines = [
        *p.produced(rows=p.P), *p.slots(devices, 8 * 64), p.own(rows=p.P),
        *p.hops(devices, rows=p.P),
        f"li r70, {devices}", f"li r71, {p.Y}", f"li r72, {p.Z}", "li r73, 512", "li r74, 64",
        "li r75, 512",
        f"copy (r{p.ONE},r{p.P},r70,r{p.BLOCK}), f32 r72[r0,r75,r74,r{p.ELEMENT}], "
        f"f32 r71[r0,r{p.STEP},r73,r{p.ELEMENT}]",
        f"addi r76, r{p.P}, -1", "muli r76, r76, 64", "add r76, r76, r71",
        f"map1.neg (r{p.ONE},r{p.ONE},r70,r{p.BLOCK}), f32 r72[r0,r0,r74,r{p.ELEMENT}], "
        f"f32 r76[r0,r0,r73,r{p.ELEMENT}]",
    ]  # fmt: skip
    assert prove(p.program(devices, lines)).gathered == 2


@SIZES
def test_a_message_that_is_split_by_rows_is_proved(devices: int):
    stage = [
        f"li r60, {p.X}",
        "muli r83, r82, 64",
        f"load {p.extents()}, {p.view(60)}, {p.view(83)}",
        p.own(), *p.hops(devices),
        f"li r70, {devices}", f"li r71, {p.Y}",
        f"store (r{p.ONE},r{p.ONE},r70,r{p.BLOCK}), f32 r83[r0,r0,r71,r{p.ELEMENT}], "
        f"f32 r71[r0,r0,r{p.STEP},r{p.ELEMENT}]",
    ]  # fmt: skip
    lines = [
        *p.slots(devices),
        "li r82, 0",
        "li r81, 512",
        "rows:",
        *stage,
        "loop r82, r81, 1, rows",
    ]
    assert prove(p.program(devices, lines, depth=1)).gathered == 1


@SIZES
def test_rows_may_be_gathered_in_the_lmu_turn_by_turn(devices: int):
    lines = [*p.by_rows(devices, f"r{p.ELEMENT}"), *p.used(devices)]
    proof = prove(p.program(devices, lines, depth=1))
    assert proof.messages == {"step": devices - 1}
    assert proof.gathered == 1


@SIZES
def test_addresses_of_slots_may_be_kept_in_the_lmu(devices: int):
    kept = [f"sts r{p.FIRST + j}, {1 << 20 | 64 * j}" for j in range(devices)]
    hops: list[str] = []
    for line in p.hops(devices):
        slot = int(line.split(", f32 r")[1].split("[")[0]) - p.FIRST
        hops += [f"lds r90, {1 << 20 | 64 * slot}", line.replace(f"r{p.FIRST + slot}[", "r90[")]
    lines = [*p.produced(), *p.slots(devices), p.own(), *kept, *hops, *p.used(devices)]
    assert prove(p.program(devices, lines)).gathered == 1


def test_a_device_may_compute_on_its_own_slot_before_and_after_the_gather():
    half = f"map1.neg {p.extents()}, {p.view(60)}, {p.view(p.FIRST)}"
    lines = [
        *p.produced(), *p.slots(4), p.own(), half, *p.hops(4), half, *p.used(4), half,
        f"map1.neg {p.extents()}, {p.view(60)}, {p.view(p.FIRST + 1)}",
    ]  # fmt: skip
    assert prove(p.program(4, lines)).gathered == 4


def test_a_branch_may_follow_gathered_bytes():
    lines = [
        *p.gather(4), f"lds r90, {p.Y}", f"bge r90, r{p.ONE}, end", "out r90", "end:",
    ]  # fmt: skip
    assert prove(p.program(4, lines)).gathered == 2


def test_a_branch_may_follow_what_is_computed_of_gathered_bytes_alone():
    used = [line.replace("map1.neg", "copy") for line in p.gather(4)]
    lines = [*used, f"lds r90, {p.Z}", f"bge r90, r{p.ONE}, end", "out r90", "end:"]
    assert prove(p.program(4, lines)).gathered == 1


def _turns(*body: str) -> list[str]:
    return ["li r95, 0", "turn:", *body, f"loop r95, r{p.P}, 1, turn"]


@pytest.mark.parametrize(("used", "at"), [("map1.neg", p.Y), ("copy", p.Z)])
def test_branches_of_a_loop_may_follow_what_was_gathered_before_it(used: str, at: int):
    """Or what was computed before it of such bytes alone."""
    branch = [f"lds r91, {at}", f"bge r91, r{p.ONE}, skip", "out r91", "skip:", *p.produced()]
    before = [line.replace("map1.neg", used) for line in p.gather(4)]
    prove(p.program(4, [*before, *_turns(*branch)]))


def test_turns_of_a_loop_may_gather_what_they_read_anew_or_use_its_memory():
    """The first turn reads what was gathered before the loop."""
    again = [*p.used(4), *p.produced(), p.own(), *p.hops(4)]
    prove(p.program(4, [*p.gather(4), *_turns(*again)]))
    elements = f"(r{p.ONE},r{p.ONE},r{p.ONE},r70)"
    over = ["li r70, 64", f"li r71, {p.Y}", f"li r92, {p.Z}"]
    over.append(f"map1.neg {elements}, {p.view(71)}, {p.view(92)}")
    prove(p.program(4, [*p.gather(4), *_turns(*over, *p.used(4))]))
    prove(p.program(4, [*p.gather(4), *_turns(*p.used(4), *over)]))


def test_rows_of_what_was_gathered_before_a_loop_may_be_read_in_its_turns():
    row = ["muli r91, r95, 64", f"addi r91, r91, {p.Y}"]
    row.append(f"map1.neg {p.extents()}, {p.view(60)}, {p.view(91)}")
    prove(p.program(4, [*p.gather(4), *_turns(*row)]))


def test_a_gather_that_a_branch_leaves_out_is_proved():
    lines = [f"bge r{p.P}, r{p.ELEMENT}, end", *p.gather(4), "end:", *p.produced()]
    assert prove(p.program(4, lines)).gathered == 1


def test_a_bound_that_a_body_loads_again_bounds_what_its_counter_does():
    near = p.X + 1024
    lines = [
        "li r81, 3", "sts r81, 1048576", "li r82, 0", *p.gather(4), f"li r61, {near}", "top:",
        "addi r83, r82, 1", *p.produced(near, 61, rows=83), *p.used(4), "lds r81, 1048576",
        "loop r82, r81, 1, top",
    ]  # fmt: skip
    assert prove(p.program(4, lines)).gathered == 1


def test_rows_of_all_slots_may_be_read_as_one_axis():
    row = f"f32 r{{}}[r0,r0,r{p.STEP},r{p.ELEMENT}]"
    four_rows = f"(r{p.ONE},r{p.ONE},r{p.ELEMENT},r{p.P})"
    messages = [line.replace(p.extents(p.ELEMENT), four_rows) for line in p.hops(4, rows=p.ELEMENT)]
    lines = [
        *p.produced(rows=p.ELEMENT), *p.slots(4, 256),
        f"copy {four_rows}, {row.format(p.FIRST)}, {row.format(60)}", *messages,
        "li r70, 16", f"li r71, {p.Y}", f"li r72, {p.Z}",
        f"copy (r{p.ONE},r{p.ONE},r70,r{p.P}), {row.format(72)}, {row.format(71)}",
    ]  # fmt: skip
    assert prove(p.program(4, lines)).gathered == 1
