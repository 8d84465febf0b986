"""Each rule has a program that breaks it, and says who, what and where."""

import pytest

from runtime.errors import Invalid
from runtime.ring.checks.load import Unsafe
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
    read_rows,
    whole,
)

ROW = "(r1,r1,r1,r2), f32 {}[r0,r0,r0,r4]"


def refused(lines: list[str], devices: int = 4, depth: int = 8) -> Unsafe:
    """The error for a program."""
    with pytest.raises(Unsafe) as caught:
        Ring(devices, depth).check_lines(whole(lines))
    return caught.value


def exchanged(after: list[str], devices: int = 4) -> list[str]:
    """Some lines behind an exchange of which nobody has read yet."""
    return [*own(), *places(devices, 4096), *put(), *hops(devices), *after]


def test_a_receive_that_comes_before_the_send_is_a_cycle_in_words():
    first, second, *rest = hops(4)
    lines = [*own(), *places(4, 4096), *put(), second, first, *rest, *read_all(4)]
    error = refused(lines)
    assert error.rule == "cycle"
    assert (
        "device 0 for device 1, device 1 for device 2, device 2 for device 3, device 3 for device 0"
    ) in str(error)
    assert "recv.right at pc 17" in str(error)
    assert error.nodes == ("gather",)


def test_more_messages_than_a_link_holds_are_a_cycle():
    lines = [*own(), *places(4, 4096), *put(), *["send.left " + ROW.format("r30")] * 3]
    error = refused(lines, depth=2)
    assert error.rule == "cycle"
    assert "to take one of 2 messages from a link that holds no more" in str(error)
    assert "device 0 for device 3" in str(error)


def test_other_extents_than_were_sent_are_refused():
    lines = [*own(), *places(2, 4096), *put(), "send.left " + ROW.format("r30")]
    lines.append("recv.right (r1,r1,r2,r1), f32 r31[r0,r0,r4,r0]")
    error = refused([*lines, *read_all(2)], devices=2)
    assert error.rule == "message"
    assert "expects f32 (1, 1, 16, 1)" in str(error)
    assert "sent f32 (1, 1, 1, 16)" in str(error)
    assert len(error.pcs) == 2


def test_elements_of_another_type_than_were_sent_are_refused():
    lines = [*own(), *places(2, 4096), *put(), "send.left " + ROW.format("r30")]
    lines.append("recv.right (r1,r1,r1,r2), i32 r31[r0,r0,r0,r4]")
    assert refused([*lines, *read_all(2)], devices=2).rule == "message"


def test_a_message_of_no_element_is_refused():
    lines = [*own(), *places(2, 4096), *put(), "send.left (r1,r1,r1,r0), f32 r30[r0,r0,r0,r4]"]
    error = refused([*lines, "recv.right (r1,r1,r1,r0), f32 r31[r0,r0,r0,r4]"], devices=2)
    assert error.rule == "message"
    assert "sends no element" in str(error)


def test_a_message_that_nobody_receives_is_refused():
    error = refused([*gather(4), *put(), "send.left " + ROW.format("r30")])
    assert error.rule == "left over"
    assert "when the program ends" in str(error)


def test_a_message_from_one_turn_to_the_next_is_refused():
    turn = [*own(), *places(2, 4096), *put(), "send.left " + ROW.format("r30")]
    assert "at the end of a turn of its loop" in str(refused(looped(turn, 3), devices=2))


def test_a_message_on_one_way_of_a_branch_only_is_refused():
    number = ["sts r0, 2048", "li r20, 2048"]
    number.append("iota (r1,r1,r1,r1), i64 r20[r0,r0,r0,r0], r0, (r0,r0,r0,r0)")
    branch = ["lds r7, 2048", "bge r7, r1, A", "send.left " + ROW.format("r30"), "A: li r8, 1"]
    lines = [*own(), *places(2, 4096), *put(), *number, *branch]
    assert "on every way that a branch takes" in str(refused(lines, devices=2))


@pytest.mark.parametrize("used", [[], read_all(2)])
def test_what_was_gathered_on_one_way_only_is_not_read_where_the_ways_meet(used: list[str]):
    """It makes no difference whether it was read on that way, too."""
    lines = [*own(), *places(2, 4096), "bge r9, r4, A", *put(), *hops(2), *used, "A: li r8, 1"]
    with pytest.raises(Unsafe) as caught:
        Ring(2, symbols=dict([MANY])).check_lines(whole([*lines, *read_all(2)]))
    assert caught.value.rule == "way"


def test_devices_that_have_different_bytes_where_one_reads_are_refused():
    lines = [*own(), *places(4, 4096), *put(), *hops(4)[:-2], *read_all(4)]
    error = refused(lines)
    assert error.rule == "place"
    assert "map1 at pc" in str(error)
    assert "what device 0 wrote with copy at pc" in str(error)


def test_a_part_that_lies_elsewhere_than_at_its_origin_is_refused():
    lines = [*own(), *places(2, 4096), *put(), "send.left " + ROW.format("r30")]
    lines += ["addi r31, r31, 256", "recv.right " + ROW.format("r31")]
    lines += ["li r21, 4352", f"li r22, {SEEN}"]
    lines.append("map1.neg (r1,r1,r1,r2), f32 r22[r0,r0,r0,r4], f32 r21[r0,r0,r0,r4]")
    assert refused(lines, devices=2).rule == "place"


def test_what_was_gathered_read_with_older_bytes_is_refused():
    old = ["li r40, 4032", "load (r1,r1,r1,r2), f32 r40[r0,r0,r0,r4], f32 r0[r0,r0,r0,r4]"]
    lines = ["li r20, 0", *old, *exchanged(read_all(4, 4032))]
    error = refused(lines)
    assert error.rule == "stale"
    assert "put by copy at pc" in str(error)


def test_what_was_gathered_read_with_bytes_nobody_wrote_is_refused():
    assert refused(exchanged(read_all(4, 4032))).rule == "unwritten"


def test_sending_what_nobody_wrote_is_refused():
    lines = [*own(), *places(4, 4096), *hops(4), *read_all(4)]
    error = refused(lines)
    assert error.rule == "block"
    assert "which nobody wrote" in str(error)


def test_sending_what_all_devices_wrote_to_one_place_is_refused():
    hop = hops(2)
    hop[0] = "send.left " + ROW.format("r20")
    lines = [*own(), *places(2, 4096), *put(), *hop, *read_all(2)]
    error = refused(lines, devices=2)
    assert error.rule == "block"
    assert "load at pc" in str(error)


def test_sending_what_was_gathered_and_read_before_is_refused():
    """The block of the second exchange is missing, and that of the first one is still there."""
    error = refused([*gather(4), *hops(4), *read_all(4, to=SEEN + 1024)])
    assert error.rule == "block"
    assert "which was exchanged and read before" in str(error)


@pytest.mark.parametrize("strides", ["r0,r0,r0,r0", "r0,r0,r3,r4"])
def test_a_message_of_very_many_elements_is_refused_before_they_are_counted(strides: str):
    lines = [*own(), *places(2, 4096), *put(), "li r40, 46000"]
    block = "(r1,r1,r40,r40), f32 {}"
    error = refused([*lines, "send.left " + block.format(f"r30[{strides}]")], devices=2)
    assert error.rule == "bounds"


def test_what_was_gathered_and_nobody_reads_is_refused():
    error = refused(exchanged([]))
    assert error.rule == "unread"
    assert "copy at pc" in str(error)


def test_a_write_over_a_part_that_is_not_sent_yet_is_refused():
    over = "copy (r1,r1,r1,r2), f32 r31[r0,r0,r0,r4], f32 r20[r0,r0,r0,r4]"
    hop = hops(4)
    lines = [*own(), *places(4, 4096), *put(), *hop[:2], over, *hop[2:], *read_all(4)]
    assert refused(lines).rule == "place"


def test_a_write_to_one_place_over_a_part_that_is_not_sent_yet_is_refused():
    over = ["li r40, 4096", "load (r1,r1,r1,r2), f32 r40[r0,r0,r0,r4], f32 r0[r0,r0,r0,r4]"]
    hop = hops(4)
    lines = [*own(), *places(4, 4096), *put(), *hop[:2], *over, *hop[2:], *read_all(4)]
    assert refused(lines).rule in ("block", "place")


def test_a_part_of_the_turn_before_is_refused():
    """The exchange of a turn is read only in the next one, and the first turn reads another one."""
    turn = [*read_all(2), *own(), *put(), *hops(2)[:1], "recv.right " + ROW.format("r41")]
    lines = [*gather(2), *places(2, 8192, 40), *looped(turn, 4)]
    assert refused(lines, devices=2).rule == "place"


def test_a_branch_that_depends_on_the_device_is_refused():
    error = refused(["bge r10, r1, A", "A: li r8, 1"])
    assert error.rule == "branch"
    assert "r10 of bge at pc" in str(error)


def test_a_branch_that_depends_on_what_devices_compute_is_refused():
    lines = ["iota (r1,r1,r1,r1), i64 r0[r0,r0,r0,r0], r10, (r0,r0,r0,r0)", "lds r7, 0"]
    assert refused([*lines, "bge r7, r1, A", "A: li r8, 1"]).rule == "branch"


def test_a_bound_that_depends_on_the_device_is_refused():
    assert refused(["li r5, 0", "A: li r8, 1", "loop r5, r10, 1, A"]).rule == "branch"


def test_a_token_that_depends_on_the_device_is_refused():
    assert refused(["out r10"]).rule == "branch"


def test_an_extent_that_depends_on_the_device_is_refused():
    error = refused(["fill (r1,r1,r1,r10), f32 r0[r0,r0,r0,r4], r1"])
    assert error.rule == "extents"


def test_a_stride_that_depends_on_the_device_is_refused():
    assert refused(["fill (r1,r1,r1,r4), f32 r0[r0,r0,r0,r10], r1"]).rule == "extents"


@pytest.mark.parametrize(
    ("address", "problem"),
    [("65500", "leaves the LMU"), ("4097", "not aligned"), ("-64", "leaves the LMU")],
)
def test_a_message_outside_of_the_lmu_is_refused(address: str, problem: str):
    lines = [*own(), *places(2, 4096), *put(), f"li r30, {address}"]
    error = refused([*lines, "send.left " + ROW.format("r30")], devices=2)
    assert error.rule == "bounds"
    assert problem in str(error)


def test_a_receive_that_writes_bytes_twice_is_refused():
    lines = [*own(), *places(2, 4096), *put(), "send.left " + ROW.format("r30")]
    error = refused([*lines, "recv.right (r1,r1,r1,r2), f32 r31[r0,r0,r0,r0]"], devices=2)
    assert error.rule == "bounds"


def test_unsafe_is_an_error_of_an_invalid_program():
    assert issubclass(Unsafe, Invalid)


def test_a_fault_of_the_check_is_no_refusal():
    """A code without its end is no valid program: the check falls over and says nothing."""
    with pytest.raises(KeyError):
        Ring(2).check(code_of(["jump A", "A: halt"])[:1])


MANY, FEW = (9, (1, 4)), (8, (1, 4))
ROWS = "(r1,r1,r9,r4), f32 {}[r0,r0,r2,r4]"


@pytest.mark.parametrize(
    "rows", ["(r1,r1,r8,r4), f32 {}[r0,r0,r2,r4]", "(r1,r1,r4,r4), f32 {}[r0,r0,r2,r4]"]
)
@pytest.mark.parametrize("instruction", ["copy", "send", "recv"])
def test_extents_of_other_symbols_that_may_be_as_great_are_refused(rows: str, instruction: str):
    put = "copy " + ROWS + ", f32 r20[r0,r0,r2,r4]"
    lines = [
        put.format("r30"),
        "send.left " + ROWS.format("r30"),
        "recv.right " + ROWS.format("r31"),
    ]
    wrong = [line.replace(ROWS[:13], rows[:13]) if instruction in line else line for line in lines]
    ring = Ring(2, symbols=dict([MANY, FEW]))
    before, after = [*own(), *places(2, 4096)], read_rows("r9")
    ring.check_lines(whole([*before, *lines, *after]))
    with pytest.raises(Unsafe) as caught:
        ring.check_lines(whole([*before, *wrong, *after]))
    assert caught.value.rule == "message"


@pytest.mark.parametrize("instruction", ["copy", "send", "recv"])
def test_a_stride_of_what_is_exchanged_that_depends_on_a_symbol_is_refused(instruction: str):
    """At its greatest it is that of the others: below that other bytes are sent."""
    rows = "(r1,r1,r4,r4), f32 {}[r0,r0,r2,r4]"
    lines = [
        "copy " + rows.format("r30") + ", f32 r20[r0,r0,r2,r4]",
        "send.left " + rows.format("r30"),
        "recv.right " + rows.format("r31"),
    ]
    wrong = [line.replace("r0,r2", "r0,r9", 1) if instruction in line else line for line in lines]
    ring = Ring(2, symbols={9: (8, 16)})
    before, after = [*own(), *places(2, 4096)], read_all(2)
    ring.check_lines(whole([*before, *lines, *after]))
    with pytest.raises(Unsafe) as caught:
        ring.check_lines(whole([*before, *wrong, *after]))
    assert caught.value.rule == "extents"


@pytest.mark.parametrize("rows", [("r9", "r51"), ("r51", "r9")])
def test_extents_that_are_made_otherwise_of_one_symbol_are_refused(rows: tuple[str, str]):
    sent, received = (ROWS.replace("r9", row) for row in rows)
    lines = ["li r50, 5", "sub r51, r50, r9", *own(), *places(2, 4096)]
    lines += ["copy " + sent.format("r30") + ", f32 r20[r0,r0,r2,r4]"]
    lines += ["send.left " + sent.format("r30"), "recv.right " + received.format("r31")]
    with pytest.raises(Unsafe, match="expects f32"):
        Ring(2, symbols=dict([MANY])).check_lines(whole([*lines, *read_rows("r9")]))
