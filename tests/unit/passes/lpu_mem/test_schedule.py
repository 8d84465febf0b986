"""Orders of blocks: what may not change places does not, and times are those found by hand."""

from __future__ import annotations

import random
from itertools import product

import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.parser import Parser

from dialects.lpu_mem.ops import DataOp, LinkOp
from dialects.reading import operations
from lpuc.compiler.pipeline import make_context, parse_passes
from passes.analysis.functions import functions
from passes.lpu_mem import schedule
from passes.lpu_mem.scheduling.costs import Cost, Engine
from passes.lpu_mem.scheduling.gains import is_better
from passes.lpu_mem.scheduling.products import arranged
from passes.lpu_mem.scheduling.timeline import Units
from passes.lpu_mem.scheduling.touching import Wait

SIZE, BUFFERS = 40, 4


def _module(seed: int) -> ModuleOp:
    """Random functions of parts of a few buffers, products of weights, and messages."""
    draw = random.Random(seed)
    symbols = "attributes {lpu.symbols = #lpu.symbols<[P in 0 to 3]>}"
    lines = [f"func.func @step(%x : !lpu_mem.buffer<hbm, f32, 4>) {symbols} {{"]
    lines += [f"%b{i} = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, {SIZE}>" for i in range(BUFFERS)]
    lines += ['%w = lpu_mem.param <file("w", 0, [16, 4], f32)> : !lpu_mem.buffer<hbm, f32, 64>']
    kind, small = f"!lpu_mem.buffer<hbm, f32, {SIZE}>", "!lpu_mem.buffer<hbm, f32, 4>"
    for _ in range(draw.randint(6, 14)):
        buffers = [f"%b{draw.randrange(BUFFERS)}" for _ in range(2)]
        choice = draw.random()
        if choice < 0.3:
            columns, start = draw.choice([4, 16]), draw.randrange(SIZE - 16)
            views = f"{{{start}: [0, 0, 1]}} {{0: [0, 1, 0]}} {{0: [0, 1, 4]}}"
            lines.append(
                f"lpu_mem.vecmat {buffers[0]}, %x, %w accumulate 0 <[1, 4, {columns}] {views}>"
                f" : {kind}, {small}, !lpu_mem.buffer<hbm, f32, 64>"
            )
            continue
        extents = draw.choice(["[4]", "[2, 3]", "[P]", "[P + 1]"])
        strides = "[1]" if "," not in extents else "[8, 2]"
        at = [draw.choice(["0", "5", "P", "12", "2*P + 9", "20"]) for _ in range(2)]
        views = " ".join(f"{{{offset}: {strides}}}" for offset in at)
        if choice < 0.4:
            side = draw.choice(["left", "right"])
            view = f"{{{at[0]}: {strides}}}"
            lines.append(f'lpu_mem.send "{side}" {buffers[0]} <{extents} {view}> : {kind}')
        else:
            names = ", ".join(buffers)
            lines.append(f'lpu_mem.map "exp" {names} <{extents} {views}> : {kind}, {kind}')
    return Parser(make_context(), "\n".join([*lines, "lpu_mem.return :", "}"])).parse_module()


Elements = list[tuple[set[tuple[SSAValue, int]], set[tuple[SSAValue, int]]]]


def _elements(op: DataOp) -> Elements:
    """At each context what an operation touches, and what of that it writes, one by one."""
    found: Elements = []
    for context in range(4):
        touched, written = set[tuple[SSAValue, int]](), set[tuple[SSAValue, int]]()
        access, values = op.access.data, {"P": context}
        points = [*product(*(range(extent.evaluate(values)) for extent in access.extents))]
        for index, (buffer, view) in enumerate(zip(op.operands, access.views, strict=True)):
            steps = [stride.evaluate(values) for stride in view.strides]
            base = view.offset.evaluate(values)
            at = {(buffer, base + sum(map(int.__mul__, steps, point))) for point in points}
            touched |= at
            written |= at if index < op.WRITES else set()
        found.append((touched, written))
    return found


def _pairs(ops: list[DataOp]) -> list[tuple[DataOp, DataOp]]:
    """Those that must keep their order."""
    known = [_elements(op) for op in ops]
    found: list[tuple[DataOp, DataOp]] = []
    for j, second in enumerate(ops):
        for i, first in enumerate(ops[:j]):
            both = zip(known[i], known[j], strict=True)
            meet = any(a & written or b & wrote for (a, wrote), (b, written) in both)
            if meet or (isinstance(first, LinkOp) and isinstance(second, LinkOp)):
                found.append((first, second))
    return found


@pytest.mark.parametrize("start", [0, 20])
def test_what_touches_the_same_elements_keeps_its_order(
    start: int, monkeypatch: pytest.MonkeyPatch
):
    """Even where each new order is taken. Elements are counted one by one here."""
    monkeypatch.setattr(schedule, "is_better", lambda new, old: True)
    moved = 0
    for seed in range(start, start + 20):
        module = _module(seed)
        block = functions(module)[0].body.block
        before = [op for op in operations(block) if isinstance(op, DataOp)]
        pairs = _pairs(before)
        (one,) = parse_passes("lpu-mem-schedule")
        one.apply(make_context(), module)
        module.verify()
        after = {op: at for at, op in enumerate(operations(block)) if isinstance(op, DataOp)}
        assert {*before} == {*after}
        assert all(after[a] < after[b] for a, b in pairs), seed
        moved += list(after) != before
    assert moved > 5


WHOLE = (0.0, 1.0)


def _units(work: list[tuple[Engine, float, list[int]]], cuts: list[int]) -> Units:
    costs = [Cost(engine, cycles, 0.0, 1.0) for engine, cycles, _ in work]
    waits = [[Wait(on, *WHOLE) for on in needs] for _, _, needs in work]
    return Units([costs], waits, cuts, [(number, 0) for number in range(len(work))])


def test_a_product_goes_behind_one_whose_result_takes_long():
    """Values 1000, scores 100, 700 of vector work on them, 50 for those who read both.

    In order it is 1000 + 100 + 700 + 50; scores first, the work is hidden: 100 + 1000 + 50.
    """
    work = [
        (Engine.MATRIX, 1000.0, []), (Engine.MATRIX, 100.0, []), (Engine.VECTOR, 700.0, [1]),
        (Engine.MATRIX, 50.0, [0, 2]),
    ]  # fmt: skip
    units = _units(work, [0] * 4)
    assert units.times([0, 1, 2, 3]) == [1850.0]
    found, order = arranged(units)
    assert order == [1, 0, 3]
    assert found.times(found.packed(range(4), order)) == [1150.0]


def test_half_a_product_stays_to_hide_what_another_waits_for():
    """Queries are there after 500: scores first cost 500 of nothing; half of 1000 fills them.

    Half, scores, the other half beside 400 of work: 500 + 100 + 500 + 50.
    """
    work = [
        (Engine.VECTOR, 500.0, []), (Engine.MATRIX, 1000.0, []), (Engine.MATRIX, 100.0, [0]),
        (Engine.VECTOR, 400.0, [2]), (Engine.MATRIX, 50.0, [1, 3]),
    ]  # fmt: skip
    units = _units(work, [0, 32, 0, 0, 0])
    assert units.times([0, 1, 2, 3, 4]) == [1550.0]
    found, order = arranged(units)
    assert [found.parts[unit] for unit in order] == [(1, 1), (2, 0), (1, 2), (4, 0)]
    assert found.times(found.packed(range(6), order)) == [1150.0]


def test_nothing_moves_where_nothing_is_won():
    """Scores whose results nobody works on for long, and those that need the values."""
    short = _units(
        [(Engine.MATRIX, 1000.0, []), (Engine.MATRIX, 100.0, []), (Engine.MATRIX, 50.0, [0, 1])],
        [32, 0, 0],
    )
    assert arranged(short).order == [0, 1, 2]
    needed = _units([(Engine.MATRIX, 1000.0, []), (Engine.MATRIX, 100.0, [0])], [32, 0])
    assert arranged(needed).order == [0, 1]


def test_of_what_can_begin_at_once_the_longest_tail_goes_first():
    work = [(Engine.VECTOR, 10.0, []), (Engine.VECTOR, 10.0, []), (Engine.MATRIX, 100.0, [1])]
    units = _units(work, [0] * 3)
    assert units.packed(range(3), [2])[0] == 1


@pytest.mark.parametrize(
    ("new", "old", "better"),
    [
        ([9, 9, 9], [10, 10, 10], True), ([10, 10], [10, 10], False),
        ([11, 10, 1], [10, 10, 10], True),
        ([11, 10, 2], [10, 10, 10], False), ([9, 11], [10, 10], False),
    ],
)  # fmt: skip
def test_what_is_lost_at_one_context_is_saved_eight_times_at_others(
    new: list[float], old: list[float], better: bool
):
    assert is_better(new, old) is better
