"""One pseudo-channel of HBM, clock by clock: the judge of `runtime.timing.hbm`.

Bursts are served in order. The controller looks at the burst that comes next and at so many behind
it, and precharges and activates banks for them, activations in order too. Commands for rows and for
columns have buses of their own, which never hold anything up. A controller that must refresh all
banks stops, closes them, refreshes, and goes on; one that refreshes bank by bank chooses by policy.

    Channel(timing_of(target)).run([Burst(group, bank, row, writes), ...])

gives the clock of each column command. It knows timings of JESD238 by their names, and shares no
code with `runtime.timing`.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from runtime.target import Target

NEVER = -(1 << 40)
POSTPONED = 8
"""Refreshes of JESD238 that may be owed."""


class Burst(NamedTuple):
    """One column command; `bank` counts within its group."""

    group: int
    bank: int
    row: int
    writes: bool = False


@dataclass(frozen=True)
class Timing:
    """Clocks. `ahead` bursts are seen behind the one that comes next."""

    bl: int = 2
    cl: int = 20
    cwl: int = 10
    rcdrd: int = 31
    rcdwr: int = 15
    rp: int = 26
    rc: int = 72
    ras: int = 45
    wr: int = 33
    rtp: int = 9
    ccds: int = 2
    ccdl: int = 4
    rrds: int = 4
    rrdl: int = 5
    faw: int = 24
    wtrl: int = 10
    rtw: int = 20
    ahead: int = 32
    groups: int = 4
    banks: int = 4
    refresh: str = "none"
    rfc: int = 416
    refi: int = 6240


@dataclass
class Bank:
    """What was done to a bank last."""

    row: int | None = None
    opened: int = NEVER
    closed: int = NEVER
    column: int = NEVER
    wrote: int = NEVER
    busy: int = NEVER
    refreshed: int = 0


@dataclass
class Channel:
    """A pseudo-channel; the first burst may come at clock `now`."""

    timing: Timing
    now: int = 0
    open_at_start: int | None = None
    """A row that every bank holds open from long ago, or none."""
    banks: dict[tuple[int, int], Bank] = field(default_factory=dict[tuple[int, int], Bank])
    opens: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=4))
    columns: list[tuple[int, Burst]] = field(default_factory=list[tuple[int, Burst]])
    last_of_group: dict[int, int] = field(default_factory=dict[int, int])
    refreshes: int = 0
    stopped: bool = False
    quiet: int = NEVER
    """The clock before which no row can be closed or opened, unless a command comes in between."""

    def __post_init__(self) -> None:
        for g in range(self.timing.groups):
            for b in range(self.timing.banks):
                self.banks[g, b] = Bank(self.open_at_start)

    def run(self, bursts: Sequence[Burst], held: Sequence[int] = ()) -> list[int]:
        """Serve bursts behind all that were served before; the clock of each command.

        `held` are clocks before which the first of them may not come.
        """
        served, before, self.quiet = 0, len(self.columns), NEVER
        while served < len(bursts):
            self.refresh(bursts, served)
            is_held = served < len(held) and self.now < held[served]
            if not is_held and self.may_column(bursts[served]):
                self.column(bursts[served])
                served += 1
            self.rows(bursts[served : served + self.timing.ahead + 1])
            self.now += 1
        return [clock for clock, _ in self.columns[before:]]

    def may_column(self, burst: Burst) -> bool:
        """Whether the column command may be given now."""
        t, bank = self.timing, self.banks[burst[:2]]
        if self.stopped or bank.row != burst.row:
            return False
        ready = bank.opened + (t.rcdwr if burst.writes else t.rcdrd)
        if self.columns:
            last, other = self.columns[-1]
            ready = max(ready, last + self.gap(other, burst))
            ready = max(ready, self.last_of_group.get(burst.group, NEVER) + t.ccdl)
        return self.now >= ready

    def gap(self, before: Burst, burst: Burst) -> int:
        """Clocks between two column commands."""
        t = self.timing
        if before.writes == burst.writes:
            return max(t.bl, t.ccds)
        return t.rtw if burst.writes else t.cwl + t.bl + t.wtrl

    def column(self, burst: Burst) -> None:
        bank = self.banks[burst[:2]]
        if burst.writes:
            bank.wrote = self.now
        else:
            bank.column = self.now
        self.columns.append((self.now, burst))
        self.last_of_group[burst.group] = self.now
        self.quiet = NEVER

    def rows(self, window: Sequence[Burst]) -> None:
        """Close and open rows for the bursts that are seen."""
        if self.stopped or self.now < self.quiet:
            return
        seen, blocked, waits = set[tuple[int, int]](), False, [-NEVER]
        for burst in window:
            place = burst[:2]
            bank = self.banks[place]
            if place in seen:
                if not blocked and bank.row != burst.row:
                    blocked = True
                continue
            seen.add(place)
            if bank.row == burst.row:
                continue
            if bank.row is not None and self.is_time(self.closable(bank), waits):
                bank.row, bank.closed = None, self.now
            if not blocked and bank.row is None and self.is_time(self.openable(place), waits):
                bank.row, bank.opened = burst.row, self.now
                self.opens.append((self.now, burst.group))
            else:
                blocked = True
        self.quiet = min(waits)

    def is_time(self, clock: int, waits: list[int]) -> bool:
        """Whether a clock is reached, behind which much may be; `waits` learns what is not."""
        waits.append(NEVER if self.now >= clock else clock)
        return self.now >= clock

    def closable(self, bank: Bank) -> int:
        """The clock from which a bank may be precharged."""
        t = self.timing
        wrote = bank.wrote + t.cwl + t.bl + t.wr
        return max(bank.opened + t.ras, bank.column + t.rtp, wrote)

    def openable(self, place: tuple[int, int]) -> int:
        """The clock from which a closed bank may be activated."""
        t, bank = self.timing, self.banks[place]
        ready = max(bank.closed + t.rp, bank.opened + t.rc, bank.busy)
        for clock, group in self.opens:
            ready = max(ready, clock + (t.rrdl if group == place[0] else t.rrds))
        return max(ready, self.opens[0][0] + t.faw) if len(self.opens) == 4 else ready

    def refresh(self, bursts: Sequence[Burst], served: int) -> None:
        """Refresh what is due."""
        if self.timing.refresh == "all-bank":
            self.refresh_all()
        elif self.timing.refresh != "none":
            self.refresh_one(bursts, served)

    def refresh_all(self) -> None:
        """Stop when a refresh is due, close all banks, refresh them, go on."""
        t = self.timing
        if self.now < (self.refreshes + 1) * t.refi:
            return
        self.stopped, self.quiet = True, NEVER
        open_ones = [bank for bank in self.banks.values() if bank.row is not None]
        if open_ones:
            if self.now >= max(map(self.closable, open_ones)):
                for bank in open_ones:
                    bank.row, bank.closed = None, self.now
            return
        begin = max(max(b.closed + t.rp, b.opened + t.rc) for b in self.banks.values())
        if self.now >= begin:
            for bank in self.banks.values():
                bank.busy = self.now + t.rfc
            self.refreshes += 1
            self.stopped = False

    def refresh_one(self, bursts: Sequence[Burst], served: int) -> None:
        """One bank after the other, all of them within a tREFI.

        `idle` takes a bank that no burst needs for as long as a refresh takes and owes up to
        `POSTPONED` refreshes meanwhile. `greedy` takes one at once: the one used last of those that
        no burst needs that is seen, or else the next. `strict` always takes the next.
        """
        t, count = self.timing, len(self.banks)
        owed = self.now * count // t.refi - self.refreshes
        if owed <= 0:
            return
        taken = (t.rfc + t.rp + t.rcdrd) // t.bl
        ahead = {"idle": taken, "greedy": t.ahead, "strict": 0}[t.refresh]
        turn, needed = self.refreshes // count, {b[:2] for b in bursts[served : served + ahead + 1]}
        due = [place for place, bank in self.banks.items() if bank.refreshed <= turn]
        free = [place for place in due if place not in needed]
        if t.refresh == "idle" and not free and owed <= POSTPONED:
            return
        if t.refresh == "strict" or not free:
            place = due[0]
        else:
            place = max(free, key=lambda one: self.banks[one].column)
        bank, self.quiet = self.banks[place], NEVER
        if bank.row is not None:
            if self.now < self.closable(bank):
                return
            bank.row, bank.closed = None, self.now
        begin = max(bank.closed + t.rp, bank.opened + t.rc, self.now)
        bank.busy, bank.refreshed = begin + t.rfc, bank.refreshed + 1
        self.refreshes += 1


def timing_of(target: Target, refresh: str = "none") -> Timing:
    """The timings of a target, which counts from a write where JESD238 counts from its data."""
    t = target
    per_group = max(1, t.hbm_banks // t.hbm_bank_groups)
    scale: Callable[[float], int] = lambda ns: -int(-ns // t.hbm_tck_ns)  # noqa: E731
    return Timing(
        bl=t.hbm_nbl, cwl=0, rcdrd=t.hbm_nrcd, rcdwr=t.hbm_nrcdwr, rp=t.hbm_nrp, rc=t.hbm_nrc,
        ras=t.hbm_nrc - t.hbm_nrp, wr=t.hbm_nwtp - t.hbm_nbl, rtp=t.hbm_nrtp, ccds=t.hbm_nbl,
        ccdl=t.hbm_nccdl, rrds=t.hbm_nrrd, rrdl=t.hbm_nrrd, faw=t.hbm_nfaw,
        wtrl=t.hbm_nwtr - t.hbm_nbl, rtw=t.hbm_nrtw, ahead=t.hbm_lookahead,
        groups=t.hbm_bank_groups, banks=per_group, refresh=refresh, rfc=scale(t.hbm_trfc_ns),
        refi=scale(t.hbm_trefi_ns),
    )  # fmt: skip
