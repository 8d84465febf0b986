"""What waits for ever, mixes up or overwrites is refused, by the rule that it breaks."""

from __future__ import annotations

import pytest

from runtime.ring.checks.compile import Rule, Unproved, prove
from tests.unit.runtime.ring.checks.compile import programs as p

HEAD = [*p.produced(), *p.slots(4), p.own()]
HOPS = p.hops(4)
TAIL = p.used(4)
AWAY = [f"li r90, {p.Y + 1024}"]
LAST = [f"li r90, {p.Y + 60}"]


def _row(register: int) -> str:
    return f"{p.extents()}, {p.view(register)}"


def _turns(*body: str) -> list[str]:
    """A loop of 16 turns."""
    return ["li r90, 0", "top:", *body, f"loop r90, r{p.BLOCK}, 1, top"]


COPIED = f"copy {_row(60)}, {p.view(90)}"


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        (Rule.BRANCH, [*HEAD, "bge r1, r2, end", "end:"]),
        (Rule.BRANCH, [*HEAD, f"lds r90, {p.X}", "bge r90, r0, end", "end:"]),
        (Rule.BRANCH, [*HEAD, *HOPS, f"lds r90, {p.X}", "out r90"]),
        (Rule.BRANCH, ["li r90, 0", "top:", "loop r90, r1, 1, top"]),
        (Rule.BRANCH, ["mov r90, r1", "top:", "loop r90, r102, 1, top"]),
        (Rule.EXTENT, [*HEAD, f"copy (r1,r1,r1,r1), {p.view(60)}, {p.view(60)}"]),
        (Rule.EXTENT, [*HEAD, f"copy {p.extents()}, f32 r60[r0,r0,r0,r1], {p.view(60)}"]),
        (Rule.EXTENT, [*HEAD, f"send.left (r2,r{p.ONE},r{p.ONE},r{p.ONE}), {p.view(40)}"]),
        (Rule.PAIRING, [*HEAD, HOPS[0], f"recv.right ({', '.join(['r100'] * 4)}), {p.view(41)}"]),
        (Rule.PAIRING, [*HEAD, HOPS[0], HOPS[1].replace("f32", "i32")]),
        (Rule.ORDER, [*HEAD, HOPS[1], HOPS[0]]),
        (Rule.ORDER, [*HEAD, HOPS[0], HOPS[1].replace("right", "left")]),
        (Rule.DEPTH, [*HEAD, *[HOPS[0]] * 9, *[HOPS[1]] * 9]),
        (Rule.BALANCE, [*HEAD, HOPS[0]]),
        (Rule.BALANCE, [*HEAD, *_turns(HOPS[0])]),
        (Rule.BALANCE, [*HEAD, HOPS[0], f"bge r{p.P}, r101, end", HOPS[1], "end:"]),
        (Rule.CONTENT, [*HEAD, *HOPS[:4], *TAIL]),
        (Rule.CONTENT, [*p.produced(), *p.slots(4), *HOPS, *TAIL]),
        (Rule.CONTENT, [*HEAD, *HOPS, f"copy {_row(41)}, {p.view(60)}", *TAIL]),
        (Rule.CONTENT, [*HEAD, *AWAY, *HOPS[:1], f"recv.right {_row(90)}", COPIED]),
        (Rule.MIXTURE, [*HEAD, *HOPS, "li r70, 65", *TAIL[1:]]),
        (Rule.MIXTURE, [*HEAD, *HOPS, *LAST, f"copy {_row(90)}, {p.view(60)}", *TAIL]),
        (Rule.TURN, [*p.produced(), *p.slots(4), *_turns(p.own(), *HOPS[:2])]),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_refused_by_it(rule: Rule, lines: list[str]):
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, lines))
    assert refused.value.rule is rule
    assert f"rule {rule.value}: " in str(refused.value)


def test_every_rule_has_a_case():
    marks = [m for m in test_what_breaks_a_rule_is_refused_by_it.pytestmark if m.args]
    elsewhere = {Rule.MEANT}
    assert {case[0] for case in marks[0].args[1]} == set(Rule) - elsewhere


def test_a_slot_that_is_filled_in_an_earlier_turn_only_is_refused():
    body = ["li r90, 0", "top:", *HOPS, *TAIL, f"loop r90, r{p.BLOCK}, 1, top"]
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, [*HEAD, *body]))
    assert refused.value.rule is Rule.CONTENT


LATE = [
    f"li r91, {p.Y + 60}",
    f"copy (r{p.ONE},r{p.ONE},r{p.ONE},r{p.ELEMENT}), {p.view(91)}, {p.view(60)}",
]
"""Own bytes over the end of the first slot."""


@pytest.mark.parametrize(
    "body", [[*LATE, *TAIL], [*TAIL, *LATE], ["li r70, 65", *TAIL[1:]]],
    ids=["written over", "written over by the turn before", "with others"],
)  # fmt: skip
def test_a_loop_does_not_read_what_was_gathered_before_it_with_other_bytes(body: list[str]):
    prove(p.program(4, [*p.gather(4), *_turns(*TAIL)]))
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, [*p.gather(4), *_turns(*body)]))
    assert refused.value.rule is Rule.MIXTURE


@pytest.mark.parametrize("at", [p.Y, p.Z])
def test_a_branch_does_not_follow_what_a_turn_before_wrote_over(at: int):
    """It is what was gathered, or a copy of that."""
    branch = [f"lds r91, {at}", f"bge r91, r{p.ONE}, skip", "out r91", "skip:", *p.produced()]
    before = [line.replace("map1.neg", "copy") for line in p.gather(4)]
    prove(p.program(4, [*before, *_turns(*branch)]))
    over = [f"li r91, {at}", LATE[1]]
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, [*before, *_turns(*branch, *over)]))
    assert refused.value.rule is Rule.BRANCH


def test_messages_of_two_gathers_that_change_places_are_refused():
    second = p.hops(4, first=50)
    head = [*HEAD, *p.slots(4, base=p.Y + 4096, first=50), p.own(first=50)]
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, [*head, HOPS[0], second[0], second[1], *HOPS[1:], *second[2:], *TAIL]))
    assert refused.value.rule is Rule.CONTENT


@pytest.mark.parametrize("devices", [2, 4, 8])
@pytest.mark.parametrize("count", [1, 8, 15])
def test_a_block_of_which_a_part_was_gathered_before_is_not_sent(devices: int, count: int):
    """Of the second block some elements are put into the slot; the rest is the first's."""
    few = p.own().replace(f"r{p.BLOCK})", "r70)", 1)
    second = [*p.produced(), f"li r70, {count}", few, *p.hops(devices), *p.used(devices)]
    whole = [*p.produced(), p.own(), *p.hops(devices), *p.used(devices)]
    prove(p.program(devices, [*p.gather(devices), *whole]))
    with pytest.raises(Unproved, match="nothing new was put there") as refused:
        prove(p.program(devices, [*p.gather(devices), *second]))
    assert refused.value.rule is Rule.CONTENT


@pytest.mark.parametrize("devices", [2, 4, 8])
@pytest.mark.parametrize("is_read", [True, False])
def test_elements_of_a_gather_before_are_not_read_with_those_of_another(
    devices: int, is_read: bool
):
    """The second gather leaves out an element. It is a part of the first if nobody read that."""
    again = [*p.produced(), p.own(), *p.hops(devices)]
    few = ["li r70, 15", *(line.replace(f"r{p.BLOCK})", "r70)", 1) for line in again[2:])]
    first = [*p.gather(devices)] if is_read else [*p.slots(devices), *again]
    prove(p.program(devices, [*first, *again, *p.used(devices)]))
    if not is_read:
        prove(p.program(devices, [*first, *few, *p.used(devices)]))
        return
    with pytest.raises(Unproved) as refused:
        prove(p.program(devices, [*first, *few, *p.used(devices)]))
    assert refused.value.rule is Rule.MIXTURE


@pytest.mark.parametrize("devices", [2, 4, 8])
def test_a_block_that_was_gathered_is_not_sent_again(devices: int):
    again = [*p.produced(), *p.hops(devices), *p.used(devices)]
    with pytest.raises(Unproved) as refused:
        prove(p.program(devices, [*p.gather(devices), *again]))
    assert refused.value.rule is Rule.CONTENT
    assert "nothing new was put there" in refused.value.message
    assert len(refused.value.instructions) == 2


def test_a_new_block_in_the_slot_of_another_does_not_make_an_old_one_new():
    again = [*p.produced(), p.own(first=p.FIRST + 2), *HOPS, *p.used(4)]
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, [*p.gather(4), *again]))
    assert refused.value.rule is Rule.CONTENT
    assert "nothing new was put there" in refused.value.message


def test_the_message_names_instructions_devices_and_nodes():
    text = [*HEAD, *HOPS[:2], HOPS[3], HOPS[2], *HOPS[4:], *TAIL]
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, text))
    assert refused.value.rule is Rule.ORDER
    assert refused.value.nodes == ()
    lines = ['.names ["first", "second"]', ".nodes 0", *HEAD, *HOPS[:4], ".nodes 1", *TAIL]
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, lines))
    assert refused.value.nodes == ("second", "first")
    assert len(refused.value.instructions) == 2
    assert "map1 at pc" in str(refused.value) and "d2" in str(refused.value)


def test_an_address_that_an_earlier_turn_loads_is_not_taken_for_that_of_the_first():
    keep = ["sts r41, 1048576", "mov r91, r40"]
    body = [p.own(first=91), *HOPS, *TAIL, "lds r91, 1048576"]
    lines = [*p.produced(), *p.slots(4), *keep, *_turns(*body)]
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, lines))
    assert refused.value.rule is Rule.CONTENT


def test_slots_that_are_begun_aside_of_others_are_refused_where_the_others_are_read():
    lines = [
        *p.produced(), *p.slots(4), p.own(), *p.slots(4, base=p.Y + 32, first=50), p.own(first=50),
        *HOPS, *TAIL,
    ]  # fmt: skip
    with pytest.raises(Unproved):
        prove(p.program(4, lines))


def test_registers_of_which_nothing_is_known_are_not_taken_for_equal():
    """Each turn leaves d0 and d1 to the next one, for which these are two of many numbers."""
    body = ["divi r92, r91, 2", "divi r93, r94, 2", "sub r92, r92, r93", f"bge r92, r{p.ONE}, end"]
    kept = ["mov r91, r1", "mov r94, r2"]
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, [*kept, *_turns(*body, *kept), "end:"]))
    assert refused.value.rule is Rule.BRANCH


def test_a_scalar_that_a_turn_loads_and_then_writes_data_over_is_refused():
    """The first turn branches by what was kept, the next one by what each device computed."""
    body = [f"lds r91, {p.X}", f"bge r91, r{p.ONE}, end", "li r92, 0", "end:", *p.produced()]
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, ["li r91, 5", f"sts r91, {p.X}", *_turns(*body)]))
    assert refused.value.rule is Rule.TURN
    assert "lds at pc" in refused.value.message


ONE_ROW = f"r{p.ONE},r{p.ONE},r{p.ONE}"
BEST = f"f32 r71[r0,r0,r0,r{p.ELEMENT}]"
INDEXED = f"f32 r60[r0,r0,r0,r{p.ELEMENT}], f32 r0[r0,r0,r0,r{p.ELEMENT}], i64 r71[r0,r0,r0,r0]"


@pytest.mark.parametrize(
    "line",
    [
        f"topk ({ONE_ROW},r{p.BLOCK}), f32 r60[r0,r0,r0,r0], i64 r72[r0,r0,r0,r0], {BEST}, K, r100",
        f"topk ({ONE_ROW},r{p.BLOCK}), f32 r60[r0,r0,r0,r0], i64 r72[r0,r0,r0,r0], {BEST}, r100, K",
        f"gather ({ONE_ROW},r{p.BLOCK}), {INDEXED}, K, r{p.STEP}",
        f"gather ({ONE_ROW},r{p.BLOCK}), {INDEXED}, r{p.BLOCK}, K",
    ],
)
def test_what_says_how_many_or_which_depends_on_no_device(line: str):
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, [*p.gather(4), line.replace("K", "r1")]))
    assert refused.value.rule is Rule.EXTENT
    prove(p.program(4, [*p.gather(4), line.replace("K", f"r{p.ONE}")]))


SKIPPED = [*p.produced(), *p.slots(4), f"bge r{p.P}, r101, end", p.own(), *HOPS]


@pytest.mark.parametrize(
    ("first", "count", "rule"), [(1, f"r{p.ELEMENT}", Rule.MIXTURE), (0, f"r{p.P}", Rule.CONTENT)]
)
def test_rows_that_are_not_all_gathered_are_refused(first: int, count: str, rule: Rule):
    """Where it depends on P how many there are, nobody knows in another loop where they lie."""
    used = TAIL if rule is Rule.MIXTURE else _turns(*TAIL)
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, [*p.by_rows(4, count, first), *used]))
    assert refused.value.rule is rule


SOMEWHERE = [
    f"muli r80, r{p.P}, 4",
    f"addi r80, r80, {p.Y}",
    f"map1.neg ({', '.join(['r100'] * 4)}), {p.view(80)}, {p.view(60)}",
]
"""What a device writes for itself over one element of what was gathered, it depends on P which."""


def test_what_was_gathered_is_not_read_behind_a_write_to_some_place_of_it():
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, [*HEAD, *HOPS, *SOMEWHERE, *TAIL]))
    assert refused.value.rule is Rule.CONTENT


@pytest.mark.parametrize(
    "lines",
    [
        [*HEAD, *HOPS, *TAIL, *SOMEWHERE],
        [*HEAD, *HOPS, *TAIL, *SOMEWHERE, *p.produced(p.Y, 81), f"copy {_row(60)}, {p.view(81)}"],
        _turns(*HEAD, *HOPS, *TAIL, *SOMEWHERE),
    ],
)
def test_memory_of_what_was_gathered_and_read_may_be_written_anywhere(lines: list[str]):
    assert prove(p.program(4, lines)).gathered == 1


@pytest.mark.parametrize("used", [[], TAIL])
def test_what_was_gathered_on_one_way_only_is_not_read_where_ways_meet(used: list[str]):
    """It makes no difference whether it was read on that way, too."""
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, [*SKIPPED, *used, "end:", *TAIL]))
    assert refused.value.rule is Rule.CONTENT
    prove(p.program(4, [*SKIPPED, *used, "end:", p.own(), *HOPS, *TAIL]))


def test_what_a_turn_gathered_on_one_way_only_is_not_read_in_the_next_one():
    head = [*p.produced(), *p.slots(4), p.own(), *HOPS, *TAIL]
    again = [f"bge r{p.P}, r101, end", f"li r91, {p.Y}", f"load {_row(91)}, {p.view(0)}", "end:"]
    prove(p.program(4, [*head, *_turns(p.own(), *HOPS, *TAIL, *again)]))
    other = [f"bge r{p.P}, r101, end", p.own(), *HOPS, "end:"]
    with pytest.raises(Unproved) as refused:
        prove(p.program(4, [*head, *_turns(*TAIL, *other)]))
    assert refused.value.rule is Rule.CONTENT


@pytest.mark.parametrize(
    ("line", "is_same"),
    [
        (f"copy {p.extents()}, {p.view(72)}, {p.view(71)}", True),
        (f"map1.neg {p.extents()}, {p.view(72)}, {p.view(71)}", False),
        (f"map1.neg {p.extents()}, {p.view(72, kind='i32')}, {p.view(71, kind='i32')}", True),
        (f"reduce.max {p.extents()}, {p.view(72)}, {p.view(71)}, 1, 0", True),
        (f"reduce.sum {p.extents()}, {p.view(72)}, {p.view(71)}, 1, 0", False),
    ],
)
def test_a_branch_follows_what_every_machine_computes_alike_of_gathered_bytes(
    line: str, is_same: bool
):
    head = [*p.produced(), *p.slots(4), p.own(), *HOPS, f"li r71, {p.Y}", f"li r72, {p.Z}"]
    program = p.program(4, [*head, line, f"lds r90, {p.Z}", f"bge r90, r{p.ONE}, end", "end:"])
    if is_same:
        prove(program)
        return
    with pytest.raises(Unproved) as refused:
        prove(program)
    assert refused.value.rule is Rule.BRANCH
