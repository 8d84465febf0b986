"""Who pays, in programs small enough to say it by hand."""

from collections.abc import Sequence
from dataclasses import replace

from runtime.isa import Inst
from runtime.program.provenance import Provenance
from runtime.timing.events import Engine
from runtime.timing.profiling.accounts import Entry, accounts
from runtime.timing.profiling.causes import Spent
from runtime.timing.profiling.path import critical_path
from runtime.timing.profiling.record import Record, record
from tests.unit.runtime.timing.timed import LPU, Timed

ISSUE, SETUP, PASS, RESULT = 2, 4, 64, 11
"""Cycles of a vector instruction of 2048 halves: two words, set-up, 32 lanes, adders."""
LOAD, LATENCY = 4, 80


def recorded(made: Timed, code: Sequence[Inst], names: Sequence[str], **other: int) -> Record:
    """A run of instructions, each from a node of its own, and of what ends the program."""
    program = made.program(code)
    nodes = [(name,) for name in names] + [()] * (len(program.code) - len(names))
    program = replace(program, provenance=Provenance.of(program.code, nodes))
    return record(program, {}, target=replace(LPU, **other) if other else None)


def of(run: Record, engine: Engine) -> dict[Entry, int]:
    return {e: int(n) for e, n in accounts(run).items() if e.engine is engine}


def test_a_pass_that_waits_for_a_load() -> None:
    """The vector engine stands still until the last granule is loaded, for the node of the load.

    The load sets up in 4 cycles behind its issue; its bytes are there 80 later.
    """
    made = Timed()
    run = recorded(made, [made.load(0, 0), made.map(4096, 0)], ["read", "negate"])
    end = ISSUE + LOAD + LATENCY
    assert of(run, Engine.VXE) == {
        Entry(Engine.VXE, Spent.CONTROL, True, ("negate",), ()): 2 * ISSUE,
        Entry(Engine.VXE, Spent.MEMORY, True, ("negate",), ("read",)): run.cycles
        - RESULT - PASS - SETUP - 2 * ISSUE,
        Entry(Engine.VXE, Spent.VECTOR, False, ("negate",), ()): SETUP + PASS,
        Entry(Engine.VXE, Spent.IDLE, True, (), ()): RESULT,
    }  # fmt: skip
    assert end <= run.cycles - RESULT - PASS - SETUP + 3 <= end + 3


def test_the_path_of_passes_that_follow_each_other() -> None:
    """Both are in the one engine: the second begins when it has left the first."""
    made = Timed()
    run = recorded(made, [made.map(4096, 0), made.map(8192, 4096)], ["first", "second"])
    pieces = [(p.spent, p.nodes, p.end - p.begin) for p in critical_path(run)]
    assert pieces == [
        (Spent.CONTROL, ("first",), ISSUE),
        (Spent.VECTOR, ("first",), SETUP + PASS),
        (Spent.VECTOR, ("second",), SETUP + PASS + RESULT),
    ]


def test_what_is_deleted_was_on_the_path() -> None:
    """Without set-up the run is shorter by what the path says of it."""
    made = Timed()
    code = [made.map(4096, 0), made.map(8192, 4096)]
    usual, without = (recorded(made, code, "ab", issue_latency=n) for n in (SETUP, 1))
    assert usual.cycles - without.cycles == 2 * (SETUP - 1)


def test_a_product_pays_for_its_panel() -> None:
    """Streamed alone, the time is that of the channels, and the tree's behind it."""
    made = Timed()
    run = recorded(made, [made.stream(), made.vecmat(0, 8192)], ["product", "product"])
    spent = {p.spent: p.end - p.begin for p in critical_path(run)}
    assert list(spent) == [Spent.CONTROL, Spent.MEMORY, Spent.MATRIX]
    assert spent[Spent.CONTROL] == ISSUE
    assert spent[Spent.MATRIX] == 1 + LPU.matrix_latency
    waits = [e.spent for e in of(run, Engine.SXE) if e.waits and e.on]
    assert waits == [Spent.MEMORY]


def test_a_full_fifo_waits_for_what_the_product_waits_for() -> None:
    """The panel fills the FIFO and then waits for the product, which waits for passes."""
    made = Timed()
    passes = [made.map(4096, 0), *[made.map(4096, 4096)] * 400]
    code = [made.stream(), *passes, made.vecmat(8192, 4096)]
    run = recorded(made, code, ["panel", *["pass"] * 401, "product"])
    on_path = {p.spent for p in critical_path(run)}
    assert on_path == {Spent.CONTROL, Spent.VECTOR, Spent.MEMORY, Spent.MATRIX}
    stands = {e.spent: n for e, n in of(run, Engine.STREAM).items() if e.waits and e.on}
    assert set(stands) == {Spent.MATRIX}
    vector = sum(p.end - p.begin for p in critical_path(run) if p.spent is Spent.VECTOR)
    assert vector >= 400 * (SETUP + PASS)


def test_words_that_are_not_there_are_no_full_queue() -> None:
    """Two words come in twenty cycles; no queue is ever full."""
    made = Timed()
    run = recorded(made, [made.map(4096, 0), made.map(8192, 4096)], "ab", fetch_cycles=10)
    assert [event.issued for event in run.events] == [11, 31, 40]
    waits = [(e.spent, n) for e, n in of(run, Engine.ICP).items() if e.waits]
    assert {spent for spent, _ in waits} == {Spent.CONTROL, Spent.IDLE}
    assert sum(n for spent, n in waits if spent is Spent.CONTROL) == 40 - 2 * ISSUE
    first, *_ = critical_path(run)
    assert (first.spent, first.end) == (Spent.CONTROL, 11)
