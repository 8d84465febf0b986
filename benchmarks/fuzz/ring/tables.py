"""How often each check had each verdict, by kind of change, and where it was wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.fuzz.pool import Result
from benchmarks.fuzz.ring.changes import KINDS
from benchmarks.fuzz.ring.judging import CHECKS, FAULTS, VERDICTS
from benchmarks.fuzz.ring.trial import SEPARATOR

NAMED = 4
"""How many changes of a group are named."""

Group = tuple[str, str, str, str]
"""Check, kind, verdict, detail."""


@dataclass
class Table:
    """Counts by check, kind and verdict, and the changes that show a fault or a trap."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    rules: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    groups: defaultdict[Group, list[str]] = field(default_factory=lambda: defaultdict(list))

    @staticmethod
    def of(results: Mapping[Any, Result]) -> Table:
        """The table of what was judged."""
        table = Table()
        for key, result in results.items():
            table._add(key, result)
        return table

    def _add(self, key: Any, result: Result) -> None:
        if not result.labels:
            base, number = key
            detail = f"the process: {result.outcome.detail}"
            for check in CHECKS:
                self.counts[check, "process", "HANG"] += 1
                self.groups[check, "process", "HANG", detail].append(f"{base.name} {number}")
            return
        kind, *verdicts = result.labels
        for verdict in verdicts:
            check, what, detail = verdict.split(SEPARATOR, 2)
            self.counts[check, kind, what] += 1
            if what == "refused":
                self.rules[check, kind, detail] += 1
            elif what in (*FAULTS, "trapped"):
                self.groups[check, kind, what, detail].append(result.name)

    @property
    def has_faults(self) -> bool:
        """Whether a check was wrong about a change of the exchange."""
        return any(n and what in FAULTS for (_, _, what), n in self.counts.items())

    def lines(self) -> list[str]:
        """A table for each check, its rules, and the changes that show faults."""
        found: list[str] = []
        for check in CHECKS:
            found.append(f"{'check ' + check:12}" + "".join(f"{what:>12}" for what in VERDICTS))
            for kind in (*KINDS, "process"):
                row = [self.counts[check, kind, what] for what in VERDICTS]
                if any(row):
                    found.append(f"{kind:12}" + "".join(f"{n or '':>12}" for n in row))
            found += [f"  {kind}: {self._rules(check, kind)}" for kind in KINDS]
        for (check, kind, what, detail), names in sorted(self.groups.items()):
            shown = ", ".join(names[:NAMED])
            found.append(f"{check} {kind} {what}: {detail}: {len(names)}, as {shown}")
        return found

    def _rules(self, check: str, kind: str) -> str:
        """By which rules a kind was refused, most frequent first."""
        found = {rule: n for (c, k, rule), n in self.rules.items() if (c, k) == (check, kind)}
        ordered = sorted(found.items(), key=lambda item: -item[1])
        return ", ".join(f"{rule} {n}" for rule, n in ordered) or "none"
