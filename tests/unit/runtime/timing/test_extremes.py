"""Programs and machines at the edge: nothing, very much, other entries, data in control flow."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runtime.errors import Invalid
from runtime.isa import Bge, Inst, Li, Load, Loop, Map1, Operand, Reduce, TopK
from runtime.isa.instructions.ctrl import Lds, Sts
from runtime.numerics.elements import ElementType
from runtime.program.interface import Symbol
from runtime.target import PRESETS, Target
from runtime.timing import predict
from runtime.timing.hbm import rates
from runtime.traps import Trap
from tests.unit.runtime.timing.timed import EXTENTS, F16, LPU, ONE, Timed


@pytest.mark.parametrize("axis", range(4))
def test_instructions_without_elements_take_their_issue(axis: int) -> None:
    t = Timed()
    none = (ONE, ONE, ONE, ONE)
    extents = (*none[:axis], 0, *none[axis + 1 :])
    streamed = (extents[0], ONE, extents[2], extents[3])
    code: list[Inst] = [
        t.map(0, 4096, extents), Load(extents, t.at(0), t.at(1 << 20)), t.stream(0, streamed),
        t.vecmat(8192, 0, streamed),
        Reduce("sum", extents, Operand(F16, t.at(64).base), t.at(0), 8),
    ]  # fmt: skip
    assert 10 <= predict(t.program(code), {}).cycles <= 400


def test_an_instruction_of_very_many_elements_needs_no_memory() -> None:
    """2^31 elements: 4 GiB of HBM in 2^20 beats, and as many steps of the engine as they take."""
    t = Timed()
    many = t.at(1 << 16).base
    huge = (ONE, ONE, t.at(1 << 15).base, many)
    points = (ONE, ONE, t.at(1 << 15).base, many)
    stay = Operand(F16, t.at(0).base, (0, 0, 0, 0))
    code = [t.stream(0, huge), t.vecmat(1 << 17, 0, huge), Map1("neg", points, stay, stay)]
    program = t.program(code)
    tracemalloc.start()
    cycles = predict(program, {}).cycles
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert cycles > (1 << 31) // 32
    assert peak < 64 << 20


def test_entries_are_timed_by_name() -> None:
    t = Timed()
    program = t.program([t.map(4096, 0)])
    other = replace(program.interface, pc=2)
    both = replace(program, others=(("rest", other),))
    assert predict(both, {}, entry="rest").cycles == 1
    assert predict(both, {}).cycles == 2 + 4 + 64 + 11


def test_a_branch_on_data_is_not_taken() -> None:
    """A token that ends a text is data; the prediction is of a text that goes on."""
    t = Timed()
    index = Operand(ElementType.I64, t.at(4096).base, (0, 0, 0, t.at(8).base))
    best = TopK(EXTENTS, t.at(8192), index, t.at(0), ONE, ONE)
    code = [best, Lds(99, 4096), Bge(99, ONE, 8), t.map(0, 0), t.map(0, 0)]
    assert predict(t.program(code), {}).counts["map1"] == 2


def test_a_loop_over_data_has_no_time() -> None:
    t = Timed()
    index = Operand(ElementType.I64, t.at(4096).base, (0, 0, 0, t.at(8).base))
    best = TopK(EXTENTS, t.at(8192), index, t.at(0), ONE, ONE)
    code = [Li(98, 0), best, Lds(99, 4096), Loop(98, 99, 1, 1)]
    with pytest.raises(Trap, match="loop depends on data"):
        predict(t.program(code), {})


def test_a_scalar_that_data_overwrites_is_data() -> None:
    t = Timed()
    code = [Sts(ONE, 64), t.map(0, 4096), Lds(99, 64), Li(98, 0), Loop(98, 99, 1, 3)]
    with pytest.raises(Trap, match="depends on data"):
        predict(t.program(code), {})
    assert predict(t.program([code[0], *code[2:]]), {}).counts["loop"] == 1


def busy(tmp_path: Path, trfc: str) -> Target:
    """The tiny machine with another length of a refresh, of 3900 ns; 40 more go with it."""
    text = (PRESETS / "lpu-tiny.toml").read_text("utf-8")
    file = tmp_path / "busy.toml"
    file.write_text(text.replace("value = 260.0", f"value = {trfc}"))
    return Target.load(file)


@pytest.mark.parametrize("trfc", ["3860.0", "3900.0", "1e9"])
def test_a_refresh_that_leaves_no_time_is_refused(tmp_path: Path, trfc: str) -> None:
    with pytest.raises(Invalid, match="leaves no time to read"):
        busy(tmp_path, trfc)


def test_a_refresh_that_leaves_little_time_is_slow(tmp_path: Path) -> None:
    """One of 3900 ns is left."""
    slow = rates(busy(tmp_path, "3855.25"))
    assert slow.beat == 3900 * slow.units


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("value = 524288", "value = 4095", "less than the 4096"),
        ("value = 262144", "value = 4095", "reuse_bytes: less than the 4096 bytes of a tile"),
        ('value = 64, unit = "B"', 'value = 60, unit = "B"', "multiple of 8"),
    ],
)
def test_a_memory_that_blocks_or_splits_elements_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    file = tmp_path / "odd.toml"
    file.write_text((PRESETS / "lpu-tiny.toml").read_text("utf-8").replace(old, new))
    with pytest.raises(Invalid, match=message):
        Target.load(file)


def test_symbols_take_any_value_in_their_range() -> None:
    t = Timed()
    bound = 210
    code = [Li(200, 0), t.map(4096, 4096), Loop(200, bound, 1, 1)]
    program = t.program(code, [Symbol("P", bound, 0, 1 << 20)])
    times = [predict(program, {"P": p}).cycles for p in (0, 1, 7, 100)]
    assert times[0] == times[1] < times[2] < times[3]


NUMBERS = [key for key, entry in LPU.entries.items() if not isinstance(entry.value, str)]


@pytest.mark.parametrize("key", NUMBERS)
def test_a_machine_of_any_number_is_refused_or_timed(key: str) -> None:
    """The timing model counts in i64, and keeps track of granules, banks and bursts."""
    t = Timed()
    code = [t.stream(0), t.vecmat(0, 8192), t.add(0, 4096, 8192), t.store(0, 0), t.load(0, 0)]
    program = t.program(code)
    for value in (
        1 << 14 if key == "lmu_bytes" else 1,
        (1 << 20) - 1,
        (1 << 31) - 1,
        1 << 31,
        1 << 61,
        (1 << 62) - 1,
    ):
        changed = LPU.to_json()
        changed[key]["value"] = value
        try:
            target = Target.from_json("x", changed)
            with np.errstate(over="raise"):
                assert predict(replace(program, target=target), {}).cycles >= 5
        except Invalid:
            continue
