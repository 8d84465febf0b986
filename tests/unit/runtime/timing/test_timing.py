"""Predicted time of whole programs: overlap, hazards, control flow, and what changes it."""

from dataclasses import replace
from fractions import Fraction
from math import ceil

import pytest

from runtime.isa import Addi, Bge, Halt, Inst, Lds, Li, Loop, Reduce, Sts, Unit
from runtime.program.assembly import assemble, disassemble
from runtime.program.interface import Symbol
from runtime.timing import Timing, predict
from runtime.timing.model import events
from runtime.traps import Trap, TrapKind
from tests.unit.runtime.program.programs import projection
from tests.unit.runtime.timing.timed import EXTENTS, LPU, ONE, Timed

MAP = 4 + 64
LOAD = 4 + 80
BEAT = Fraction(1040, 959)
"""Cycles of a burst of all channels: 1 / (1 - (260 + (9 + 26 + 31 - 2 + 3 * 2) * 0.625) / 3900)."""


def timing(made: Timed, *code: Inst) -> Timing:
    return predict(made.program(code), {})


def cycles(made: Timed, *code: Inst) -> int:
    return timing(made, *code).cycles


def test_one_vector_instruction() -> None:
    """Two words to issue, 4 to set up, 2048 elements in 32 lanes, 11 to the last result."""
    t = Timed()
    assert cycles(t, t.map(4096, 0)) == 2 + MAP + 11


def test_one_reduction() -> None:
    """A tree of log2(32) adders follows the pass."""
    t = Timed()
    inst = Reduce("sum", EXTENTS, t.at(8192), t.at(0), 8)
    assert (inst.occupancy((1, 1, 32, 2048), LPU), inst.latency(LPU)) == (64, 5 * 11)
    assert cycles(t, inst) == 2 + MAP + 5 * 11


def test_one_load() -> None:
    """4 KiB are a burst of each channel, the setup of 4 is longer; data follow 80 later."""
    t = Timed()
    result = timing(t, t.load(0, 0))
    assert result.cycles == 2 + LOAD
    assert result.busy[Unit.MEM] == ceil(BEAT)
    assert result.hbm_bytes == 4096
    assert result.utilisation == pytest.approx(4096 / 86 / 4096)


def test_one_product() -> None:
    """Streamed alone: 80 to the first byte, 8192 tiles at the rate of bursts, one tile, 72."""
    t = Timed()
    result = timing(t, t.stream(), t.vecmat(0, 8192))
    assert result.cycles == ceil(2 + 8192 * BEAT) + 80 + 1 + 72
    assert result.busy[Unit.SXE] == 8192 + 4


def test_one_product_of_a_waiting_panel() -> None:
    """Small enough to wait in the FIFO: issue, 4 * 4 tiles and the tree, behind the operand.

    Of the 2048 elements written from 4 + 79 on, the product takes the first 256, 64 a cycle.
    """
    t = Timed()
    small = (1, 1, t.at(256).base, t.at(128).base)
    head = [t.stream(0, small), t.map(4096, 0), t.map(4096, 4096)]
    valid = 4 + MAP + 4 + 8 + 11
    assert cycles(t, *head, t.vecmat(8192, 4096, small)) == valid - 3 + 4 + 16 + 72


def test_short_dependent_instructions_wait() -> None:
    """32 elements pass in one cycle, but the next instruction waits for the adders."""
    t = Timed()
    short = (ONE, ONE, ONE, t.at(32).base)
    first, second = t.map(4096, 0, short), t.map(8192, 4096, short)
    assert cycles(t, first) == 2 + 4 + 1 + 11
    assert cycles(t, first, second) == 2 + 2 * (4 + 1 + 11)
    assert cycles(t, first, t.map(8192, 12288, short)) == 2 + 2 * (4 + 1) + 11


def test_a_write_waits_for_readers() -> None:
    """The bus turns 9 behind the load; the store reads half of its granules in a cycle.

    The vector engine may overwrite the first then, and asks for one granule a cycle.
    """
    t = Timed()
    head = [t.load(1 << 16, 4096), t.store(0, 0)]
    assert cycles(t, *head) == 2 + 4 + 9 + LOAD
    assert cycles(t, *head, t.map(0, 4096)) == max(2 + 4 + 9 + LOAD, 15 + 2 + 1 + MAP + 11)
    assert cycles(t, *head, t.map(0, 4096), t.map(0, 0)) == 15 + 2 + 1 + 2 * MAP + 11
    assert cycles(t, t.store(0, 0), t.map(8192, 4096)) == 2 + LOAD


def test_engines_overlap() -> None:
    t = Timed()
    both = cycles(t, t.load(4096, 0), t.map(16384, 8192))
    assert both == max(2 + LOAD, 4 + MAP + 11)
    first = 2 + LOAD - 1
    assert cycles(t, t.load(4096, 0), t.map(16384, 4096)) == first + MAP + 11


def test_hazards_are_found_by_granule() -> None:
    """The last granule of one operand, of 64 bytes, is the first of the next."""
    t = Timed()
    alone = cycles(t, t.map(8192, 0))
    assert cycles(t, t.map(8192, 0), t.map(16384, 8192 + 4096 - 2)) == alone + MAP + 11
    assert cycles(t, t.map(8192, 0), t.map(16384, 8192 + 4096)) == alone + MAP


def test_a_load_waits_for_the_store_of_its_bytes() -> None:
    """The bus turns in 10 cycles to read; other bytes need not wait for more."""
    t = Timed()
    stored = 2 + LOAD
    assert cycles(t, t.store(0, 0), t.load(4096, 0)) == stored + LOAD
    assert cycles(t, t.store(0, 0), t.load(4096, 4096)) == 2 + 4 + 10 + LOAD


def test_a_stream_waits_for_the_store_of_its_bytes() -> None:
    """Of other bytes the channels owe a burst and the turn to reading, 20 clocks, since 2."""
    t = Timed()
    apart = cycles(t, t.store(1 << 26, 0), t.stream(), t.vecmat(8192, 4096))
    meets = cycles(t, t.store(4096, 0), t.stream(), t.vecmat(8192, 4096))
    assert apart == ceil(2 + (10 + 8193) * BEAT) + 80 + 1 + 72
    assert meets == ceil(2 + LOAD + 8192 * BEAT) + 80 + 1 + 72


def test_transfers_do_not_wait_for_streams() -> None:
    """A load behind a stream of 8884 cycles is there as if alone; the next stream pays for it.

    It pays for a burst that the load waits for its row, too.
    """
    t = Timed()
    pairs = [t.stream(), t.vecmat(8192, 1 << 18), t.stream(), t.vecmat(8192, 1 << 18)]
    loaded = [pairs[0], t.load(0, 0), *pairs[1:]]
    assert [e.end for e in events(t.program(loaded), {}) if e.engine == "TRANSFER"] == [4 + LOAD]
    assert cycles(t, *loaded) - cycles(t, *pairs) == pytest.approx(2 * BEAT, abs=1)


def test_streams_follow_each_other_without_a_gap() -> None:
    t = Timed()
    pairs = [(t.stream(), t.vecmat(i << 14, 1 << 18)) for i in range(4)]
    one, four = cycles(t, *pairs[0]), cycles(t, *(i for pair in pairs for i in pair))
    assert four - one == pytest.approx(3 * 8192 * BEAT, abs=2)


def test_a_full_queue_holds_the_control_processor() -> None:
    """With room for two, the fourth is queued when the second begins."""
    t = Timed(replace(LPU, queue_depth=2))
    chain = [t.map(4096, 4096)] * 4
    assert cycles(t, *chain) == 2 + 4 * MAP + 11
    assert cycles(t, *chain, *[Li(99, 0)] * 400) == 2 + MAP + 400 + 1


def test_a_loop_runs_once_for_each_value() -> None:
    t = Timed()
    body, count, bound = t.map(4096, 4096), t.at(0).base, t.at(0).base
    del t.registers[bound]
    code = [Li(count, 0), body, Loop(count, bound, 1, 1)]
    program = t.program(code, [Symbol("P", bound, 1, 99)])
    base = predict(program, {"P": 1}).cycles
    assert predict(program, {"P": 10}).cycles == base + 9 * MAP
    assert predict(program, {"P": 10}).counts == {"li": 1, "map1": 10, "loop": 10, "halt": 1}


def test_spilled_scalars_control_the_flow() -> None:
    t = Timed()
    value, bound = t.at(7).base, t.at(5).base
    code = [Sts(value, 64), Li(value, 0), Lds(value, 64), Bge(value, bound, 6), t.map(0, 0)]
    assert predict(t.program(code), {}).counts["map1"] == 0


def test_more_bandwidth_is_never_slower() -> None:
    times: list[int] = []
    for bandwidth in (0.4e12, 0.8e12, 1.6e12, 3.2e12, 6.4e12):
        t = Timed(replace(LPU, hbm_bandwidth=bandwidth))
        code = [t.load(65536, 0), t.stream(), t.vecmat(0, 65536), t.add(0, 0, 0), t.store(0, 0)]
        times.append(cycles(t, *code * 3))
    assert times == sorted(times, reverse=True)
    assert times[0] > 3 * times[2]


def test_the_clock_of_the_trees_hides_behind_the_stream() -> None:
    fast = Timed(replace(LPU, mac_trees=64))
    pair = [fast.stream(), fast.vecmat(0, 65536)]
    usual = replace(fast.program(pair), target=LPU)
    assert cycles(fast, *pair) == predict(usual, {}).cycles


def test_deleting_doubling_and_moving_instructions() -> None:
    t = Timed()
    chain = [t.map(4096, 0), t.map(8192, 4096), t.map(12288, 8192), t.load(65536, 0)]
    chain.append(t.add(16384, 12288, 65536))
    base = cycles(t, *chain)
    for i in range(3):
        assert cycles(t, *chain[:i], *chain[i + 1 :]) < base
        assert cycles(t, *chain[: i + 1], chain[i], *chain[i + 1 :]) >= base + MAP
    waiting = [t.load(65536, 0), t.map(65536, 65536), t.map(4096, 4096)]
    assert cycles(t, waiting[2], *waiting[:2]) < cycles(t, *waiting)


@pytest.mark.parametrize("mnemonic", ["map2.mul", "reduce.sum", "store", "load", "li"])
def test_lines_of_assembly_count(mnemonic: str) -> None:
    """A line less is never slower and a line more never faster, and executed counts follow."""
    text = disassemble(projection())
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip().startswith(mnemonic))
    base = predict(assemble(text), {"rows": 7})
    assert base == predict(projection(), {"rows": 7})
    more = predict(assemble("\n".join([*lines[:at], lines[at], *lines[at:]])), {"rows": 7})
    times = 1 if mnemonic == "li" else 7
    assert sum(more.counts.values()) == sum(base.counts.values()) + times
    assert more.cycles > base.cycles
    if mnemonic != "li":
        less = predict(assemble("\n".join([*lines[:at], *lines[at + 1 :]])), {"rows": 7})
        assert less.cycles < base.cycles


def test_predictions_are_deterministic_and_nodes_add_up() -> None:
    program = projection()
    first, second = (predict(program, {"rows": 7}) for _ in range(2))
    assert first == second
    assert sum(first.nodes.values()) == pytest.approx(first.seconds)
    assert first.nodes["a"] == pytest.approx(first.nodes["b"])
    assert first.counts["vecmat"] == 7
    assert predict(program, {"rows": 3}).cycles < first.cycles


def test_what_cannot_run_traps() -> None:
    t = Timed()
    with pytest.raises(Trap, match="FIFO is empty") as caught:
        timing(t, t.vecmat(0, 0))
    assert (caught.value.pc, caught.value.nodes) == (0, ("/n0",))
    with pytest.raises(Trap, match="leave the LMU"):
        timing(t, t.map(0, LPU.lmu_bytes))
    del t.registers[7]
    with pytest.raises(Trap, match="before it is written"):
        predict(t.program([Timed().map(0, 0)]), {})
    endless = Timed().program([Addi(9, 0, 1), Bge(9, 0, 0), Halt()])
    with pytest.raises(Trap) as fuel:
        predict(endless, {}, fuel=1000)
    assert fuel.value.kind is TrapKind.FUEL
