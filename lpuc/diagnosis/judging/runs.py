"""A snapshot on one case: what it computes, and by how much that may be off."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from xdsl.ir import Operation

from dialects.lpu_mem.device import Device
from dialects.lpu_mem.semantics import Watch
from dialects.observing import Memo, Observer, OnDevices
from lpuc.diagnosis.judging.isa.pairing import Compared
from lpuc.diagnosis.judging.isa.written import Log as IsaLog
from lpuc.diagnosis.judging.mem.written import Log, Written
from lpuc.diagnosis.judging.snapshots import Snapshot
from lpuc.diagnosis.judging.traces import Change, Event, Key, Recorder, parts_of, whole
from lpuc.diagnosis.limits import run_machine
from lpuc.levels.calls import run_case
from lpuc.levels.cases import Case
from lpuc.levels.contracts import FINE, Coarser, local_bound
from lpuc.levels.execution import STEP
from lpuc.levels.tolerance import by_row
from runtime.run.interpreter import Hook

Array = np.ndarray[Any, np.dtype[Any]]
Outputs = dict[str, Array]

LEVELS = {"onnx": "onnx", "lpu": "lpu", "lpu_esl": "esl", "lpu_mem": "mem", "lpu_isa": "isa"}
"""What the levels of IR are called where they are run."""
TRACED = frozenset({"onnx", "lpu", "lpu_esl"})
"""Levels whose values are recorded."""
TOKENS = "tokens emitted"
"""The name of the output that an entry emits piece by piece."""
ANYTHING: Array = np.array(np.inf)
"""A spread that bounds nothing: the tolerance alone does."""
RUNS = 3
"""How often a run is repeated with errors in it."""
MARGIN = 4.0
"""How many times as far as in such runs a number may be off."""
BOTH = 2.0
"""How many local bounds two results of the same operands may be apart: each is off by one."""
APART = 3.0
"""The same of two sums of the same terms, one of them exact or not: of many, some are above two."""


def run(
    snapshot: Snapshot,
    case: Case,
    observer: Observer | None = None,
    memo: Memo | None = None,
    watch: Watch | None = None,
) -> Outputs:
    """Outputs by name; the tokens that the entry emits are one of them."""
    tokens: list[int] = []
    if snapshot.level == "lpu_isa":
        found = dict(run_machine(snapshot.machine, case, tokens.append))
    else:
        given = (LEVELS[snapshot.level], snapshot.module, case, tokens.append)
        found = dict(run_case(*given, observer, memo, watch))
    return found if case.entry == STEP else found | {TOKENS: np.array(tokens, np.int64)}


class Writer(Protocol):
    """Looks on while IR on buffers is run."""

    has_written: bool
    """Whether it has put other numbers anywhere."""

    def __call__(self, op: Operation, devices: list[Device]) -> None: ...


@dataclass
class Runs:
    """What is known of a snapshot on a case; nothing is run before it is asked for."""

    snapshot: Snapshot
    case: Case
    basis: Runs | None = None
    """What tells how far outputs may be off where values are not recorded."""
    memo: Memo | None = None
    """What other runs have computed."""
    _drawn: dict[int, Outputs] = field(default_factory=dict[int, Outputs])
    compared: Compared | None = None
    """Of instructions that a pass was judged by: how much could be compared."""
    _log: Log | None = None
    _steps: IsaLog | None = None

    @property
    def is_traced(self) -> bool:
        return self.snapshot.level in TRACED

    @property
    def is_on_buffers(self) -> bool:
        return self.snapshot.level == "lpu_mem"

    def _run(
        self,
        observer: Observer | None = None,
        memo: Memo | None = None,
        watch: Watch | None = None,
    ) -> Outputs:
        return run(self.snapshot, self.case, observer, memo, watch)

    @cached_property
    def clean(self) -> tuple[Outputs, list[Event]]:
        """Outputs, and values where they are recorded."""
        if not self.is_traced:
            self._log = Log() if self.is_on_buffers else None
            return self._run(watch=self._log), []
        recorder = Recorder()
        return self._run(recorder, self.memo), recorder.events

    @cached_property
    def given(self) -> Outputs:
        """What comes out, without a record of what is computed on the way."""
        return self.outputs if "clean" in self.__dict__ else self._run()

    @property
    def tokens(self) -> Array:
        """What an entry emits."""
        return self.given[TOKENS]

    @property
    def outputs(self) -> Outputs:
        return self.clean[0]

    @cached_property
    def broken(self) -> Exception | None:
        """What a run breaks off with, if it does."""
        try:
            _ = self.clean
        except Exception as error:  # semantics raise what they meet
            return error
        return None

    @property
    def events(self) -> list[Event]:
        return self.clean[1]

    @property
    def written(self) -> list[Written]:
        """What operations on buffers wrote, up to where the last run broke off if it did."""
        if self._log is None:
            _ = self.clean
        return [] if self._log is None else self._log.found

    def watched(self, watch: Writer) -> None:
        """Run it on buffers, with somebody who looks on and may write: if not, it is kept."""
        log = Log()

        def both(op: Operation, devices: list[Device]) -> None:
            log(op, devices)
            watch(op, devices)

        outputs = self._run(watch=both)
        if not watch.has_written:
            self._log, self.clean = log, (outputs, [])

    def stepped(self, hook: Hook) -> Outputs:
        """Run instructions with somebody who looks on before each, and may write."""
        machine = self.snapshot.machine
        machine.on_step = hook
        try:
            return self._run()
        finally:
            machine.on_step = None

    @cached_property
    def instructions(self) -> IsaLog:
        """What instructions write, in order."""
        log = self._steps = IsaLog(self.snapshot.machine.program.provenance)
        self.clean = self.stepped(log.writes), list[Event]()
        return log

    @property
    def instructions_done(self) -> IsaLog:
        """The same, up to where the last run broke off if it did."""
        return self.instructions if self._steps is None else self._steps

    @cached_property
    def table(self) -> dict[Key, Event]:
        """Values by what they are called and how often they were computed before."""
        return {event.key: event for event in self.events}

    def changed(self, change: Change, memo: Memo | None = None) -> tuple[Outputs, list[Event]]:
        """The same with other numbers in it; `memo` if most of them are known."""
        recorder = Recorder(change)
        return self._run(recorder, memo), recorder.events

    @property
    def spread(self) -> dict[str, Array]:
        """How far each output may be off, by row."""
        *_, found = self.spreads()
        return found

    def spreads(self, coarser: Mapping[Key, Coarser] | None = None) -> Generator[dict[str, Array]]:
        """
        `MARGIN` times the largest change of each output over runs in which everything rounds.

        `coarser` has values that are rounded more than their types say. The more of these are
        asked for, the more runs they rest on: `RUNS` in the end. Where values are not recorded it
        is that of the `basis`, or none that bounds anything, once.
        """
        if not self.is_traced:
            known = self.basis and self.basis.spreads()
            yield from known or (dict.fromkeys(self.given, ANYTHING),)
            return
        found: dict[str, Array] = {}
        for seed in range(RUNS):
            outputs = self._noisy(seed, coarser) if coarser else self._plainly_noisy(seed)
            for name, array in outputs.items():
                off = MARGIN * by_row(distance(array, self.given[name]))
                found[name] = np.maximum(found.get(name, 0.0), off)
            yield dict(found)

    def _plainly_noisy(self, seed: int) -> Outputs:
        """Outputs of a run that is off by so much as its own types round, made once."""
        if seed not in self._drawn:
            self._drawn[seed] = self._noisy(seed, {})
        return self._drawn[seed]

    def _noisy(self, seed: int, coarser: Mapping[Key, Coarser]) -> Outputs:
        return self.changed(_noisy(coarser, np.random.default_rng(seed)))[0]


def _noisy(coarser: Mapping[Key, Coarser], random: np.random.Generator) -> Change:
    """Every result is off by up to its local bound."""

    def change(event: Event, parts: OnDevices) -> OnDevices:
        return with_noise(event, parts, bound_of(event, coarser.get(event.key, FINE)), random)

    return change


def with_noise(
    event: Event, parts: OnDevices, noise: Array, random: np.random.Generator
) -> OnDevices:
    """A result that is off by up to so much; integers are exact."""
    if not noise.any():
        return parts
    shape: tuple[int, ...] = noise.shape
    return parts_of(event.array + noise * random.uniform(-1, 1, shape), event.value, parts)


def bound_of(event: Event, coarser: Coarser = FINE) -> Array:
    """The local bound of a result, of all devices together."""
    bounds = [
        local_bound(event.op, event.operands[d] if event.operands else (), part, coarser)
        for d, part in enumerate(event.parts)
    ]
    return whole(event.value, bounds)


def distance(left: Array, right: Array) -> Array:
    """How far apart numbers are; 0 where both are NaN or the same infinity."""
    if left.dtype.kind in "biu" and right.dtype.kind in "biu":
        return np.where(left == right, 0.0, np.inf)
    a, b = left.astype(np.float64), right.astype(np.float64)
    with np.errstate(all="ignore"):
        apart = np.nan_to_num(np.abs(a - b), nan=np.inf)
    return np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, apart)


def same_bits(left: Array, right: Array) -> bool:
    """Whether two arrays hold the same; one NaN is as good as another."""
    if left is right:
        return True
    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    if left.dtype.kind in "biu":
        return bool(np.array_equal(left, right))
    return bool(np.array_equal(left.astype(np.float64), right.astype(np.float64), equal_nan=True))
