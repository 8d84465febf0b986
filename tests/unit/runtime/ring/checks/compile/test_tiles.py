"""Memory of what was gathered on one way only is used again by what is written tile by tile.

Devices gather unless P is great, and each then writes numbers of its own over all of it,
some rows in each turn of a loop, or of two. A near miss leaves something out.
"""

from __future__ import annotations

import dataclasses

import pytest

from runtime.ring.checks.compile import Rule, Unproved, prove
from tests.unit.runtime.ring.checks.compile import programs as p

DEVICES, ROWS, TILE = 4, 16, 5
"""Sixteen rows of four elements, in tiles of five: the last one has a single row."""
ROW = 16
GATHERED = [
    *p.produced(), *p.slots(DEVICES), f"bge r{p.P}, r{p.ELEMENT}, end", p.own(), *p.hops(DEVICES),
    "end:",
]  # fmt: skip
USED = p.used(DEVICES)


@dataclasses.dataclass(frozen=True)
class Loop:
    """Rows from `base` on, `step` in a turn, `tile` of them, from the row `start` up to `bound`.

    They are `apart` bytes, `width` elements each; addresses move by `moved` for each row.
    """

    bound: str = f"li r122, {ROWS}"
    left: str = "sub r121, r122, r120"
    start: int = 0
    step: int = TILE
    tile: int = TILE
    base: int = p.Y
    apart: int = ROW
    moved: int = ROW
    width: str = f"r{p.ELEMENT}"
    aside: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    within: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The loop."""
        return [
            self.bound, f"li r123, {self.tile}", f"li r124, {self.apart}", f"li r120, {self.start}",
            "tiles:", *self.within, self.left, "min r121, r121, r123",
            *self.aside, f"muli r125, r120, {self.moved}", f"addi r125, r125, {self.base}",
            f"load (r{p.ONE},r{p.ONE},r121,{self.width}), f32 r125[r0,r0,r124,r{p.ELEMENT}], "
            f"f32 r0[r0,r0,r124,r{p.ELEMENT}]",
            *self.behind, f"loop r120, r122, {self.step}, tiles",
        ]  # fmt: skip


ALL = Loop()


def _rule(lines: list[str]) -> Rule | None:
    try:
        prove(p.program(DEVICES, lines))
    except Unproved as refused:
        return refused.rule
    return None


def test_without_the_loop_it_is_not_read():
    assert _rule([*GATHERED, *USED]) is Rule.CONTENT


NARROWER = ("sub r142, r101, r120", "max r142, r142, r100")
"""Four elements in the first turn, one in the last."""
UNKNOWN = ("li r140, 0", "idle:", "loop r140, r123, 1, idle")
"""A number that nobody knows, the counter behind a loop."""
LESS = "addi r121, r121, -1"
EVEN = dataclasses.replace(ALL, left="mov r121, r123", tile=4, step=4)
BY_SYMBOL = dataclasses.replace(ALL, bound=f"addi r122, r{p.P}, 8")


@pytest.mark.parametrize(
    "loop",
    [
        ALL,
        dataclasses.replace(ALL, step=1, tile=1),
        EVEN,
        dataclasses.replace(EVEN, bound=f"li r122, {ROWS - 2}"),
        BY_SYMBOL,
        dataclasses.replace(ALL, start=-4, bound="li r122, 12", base=p.Y + 4 * ROW),
        dataclasses.replace(ALL, start=-4, bound=f"li r122, {ROWS}"),
        dataclasses.replace(ALL, base=p.Y - ROW, bound=f"li r122, {ROWS + 1}"),
    ],
    ids=str,
)
@pytest.mark.parametrize("gathered", [GATHERED, p.gather(DEVICES)], ids=["on one way", "on all"])
def test_all_tiles_are_as_one_that_is_whole(loop: Loop, gathered: list[str]):
    assert _rule([*gathered, *loop.lines(), *USED]) is None


NEAR = {
    "a row less": dataclasses.replace(ALL, bound=f"li r122, {ROWS - 1}"),
    "from the second row on": dataclasses.replace(ALL, start=1),
    "an element behind": dataclasses.replace(ALL, base=p.Y + 4),
    "a smaller tile than the step": dataclasses.replace(ALL, tile=TILE - 1),
    "a greater step than the tile": dataclasses.replace(ALL, step=TILE + 1),
    "rows with gaps": dataclasses.replace(ALL, apart=2 * ROW, moved=2 * ROW, bound="li r122, 9"),
    "rows too narrow": dataclasses.replace(ALL, width=f"r{p.ONE}"),
    "nobody knows how wide": dataclasses.replace(ALL, width="r140", within=UNKNOWN),
    "narrower from turn to turn": dataclasses.replace(ALL, width="r142", aside=NARROWER),
    "even tiles, narrower from turn to turn": dataclasses.replace(
        EVEN, width="r142", aside=NARROWER
    ),
    "tiles apart": dataclasses.replace(ALL, moved=ROW + 4),
    "tiles one on another": dataclasses.replace(ALL, moved=0),
    "rows counted otherwise": dataclasses.replace(ALL, left=f"sub r121, r{p.P}, r120"),
    "a row less in the last turn": dataclasses.replace(ALL, left=f"{ALL.left}\n{LESS}"),
    "a row less in each turn": dataclasses.replace(ALL, aside=(LESS,)),
    "a row always": dataclasses.replace(ALL, left="li r121, 1"),
    "even tiles that are not enough": dataclasses.replace(EVEN, bound=f"li r122, {ROWS - 4}"),
    "even tiles of less than the step": dataclasses.replace(EVEN, tile=3),
    "even tiles too far apart": dataclasses.replace(EVEN, moved=ROW + 4),
    "fewer by a symbol than there are": dataclasses.replace(
        BY_SYMBOL, bound=f"addi r122, r{p.P}, 7"
    ),
    "skipped in some turns": dataclasses.replace(
        ALL, within=(f"bge r{p.P}, r{p.ELEMENT}, skip",), behind=("skip:",)
    ),
}  # fmt: skip


@pytest.mark.parametrize("gathered", [GATHERED, p.gather(DEVICES)], ids=["on one way", "on all"])
@pytest.mark.parametrize("loop", NEAR.values(), ids=NEAR)
def test_what_is_left_by_tiles_is_not_read(loop: Loop, gathered: list[str]):
    assert _rule([*gathered, *loop.lines(), *USED]) in (Rule.CONTENT, Rule.MIXTURE)


def test_what_is_left_may_be_written_behind():
    less = NEAR["a row less"].lines()
    row = f"(r{p.ONE},r{p.ONE},r{p.ONE},r{p.ELEMENT})"
    last = [f"li r126, {p.Y + ROW * (ROWS - 1)}", f"map1.neg {row}, {p.view(126)}, {p.view(60)}"]
    assert _rule([*GATHERED, *less, *last, *USED]) is None


@pytest.mark.parametrize("turns", [1, 3])
def test_a_turn_around_writes_all_tiles_too(turns: int):
    around = [f"li r127, {turns}", "li r128, 0", "around:", *ALL.lines(), *USED]
    assert _rule([*GATHERED, *around, "loop r128, r127, 1, around"]) is None


@pytest.mark.parametrize("columns", [2, 4])
def test_tiles_in_two_directions_are_whole_together(columns: int):
    """Two columns of four leave half of each row."""
    step = f"muli r125, r120, {ROW}"
    inner = [
        f"li r134, {columns}", "li r130, 0", "columns:", "sub r131, r134, r130", "li r132, 3",
        "min r131, r131, r132", "muli r133, r130, 4", "add r133, r133, r125",
        f"map1.neg (r{p.ONE},r{p.ONE},r121,r131), f32 r133[r0,r0,r124,r{p.ELEMENT}], "
        f"f32 r60[r0,r0,r124,r{p.ELEMENT}]",
        "loop r130, r134, 3, columns",
    ]  # fmt: skip
    lines = [line for line in ALL.lines() if not line.startswith("load")]
    at = lines.index(f"addi r125, r125, {p.Y}")
    assert lines[at - 1] == step
    lines[at + 1 : at + 1] = inner
    assert _rule([*GATHERED, *lines, *USED]) is (None if columns == 4 else Rule.CONTENT)


def test_a_turn_does_not_read_the_tile_of_the_next_one():
    read = f"map1.neg (r{p.ONE},r{p.ONE},r{p.ONE},r{p.ELEMENT}), {p.view(129)}, {p.view(126)}"
    late = ("addi r126, r125, 64", f"li r129, {p.Z}", read)
    assert _rule([*GATHERED, *dataclasses.replace(ALL, behind=late).lines()]) is Rule.CONTENT


@pytest.mark.parametrize("is_spoilt", [False, True])
def test_what_a_turn_gathers_behind_its_tile_is_not_covered_by_it(is_spoilt: bool):
    """Then, in a place that depends on P, an element of it is written over."""
    spoilt = [
        f"muli r80, r{p.P}, 4", f"addi r80, r80, {p.Y}",
        f"map1.neg ({', '.join(['r100'] * 4)}), {p.view(80)}, {p.view(60)}",
    ]  # fmt: skip
    again = (p.own(), *p.hops(DEVICES), *USED, *(spoilt if is_spoilt else ()))
    lines = dataclasses.replace(ALL, behind=again).lines()
    assert _rule([*GATHERED, *lines, *USED]) is (Rule.CONTENT if is_spoilt else None)


@pytest.mark.parametrize("gathered", [GATHERED, p.gather(DEVICES)], ids=["on one way", "on all"])
@pytest.mark.parametrize("rows", [7, 8])
def test_rows_that_a_symbol_counts_are_written_up_to_the_most(gathered: list[str], rows: int):
    """In one place: of eight rows at most, as many as P says, or one less."""
    over = [f"li r120, {p.Y}", f"li r121, {2 * ROW}", f"addi r122, r{p.P}, {rows - 8}"]
    write = (
        f"load (r{p.ONE},r{p.ONE},r122,r123), f32 r120[r0,r0,r121,r{p.ELEMENT}], "
        f"f32 r0[r0,r0,r121,r{p.ELEMENT}]"
    )
    lines = [*gathered, *over, "li r123, 8", write, *USED]
    assert _rule(lines) in ((None,) if rows == 8 else (Rule.CONTENT, Rule.MIXTURE))
