"""Count outcomes: how many of each verdict, refusals and faults by message, and coverage."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.fuzz.outcome import VERDICTS
from benchmarks.fuzz.pool import Result

Results = Mapping[Any, Result]

SHOWN = 30
"""How many groups of one verdict are printed."""
NAMED = 6
"""How many cases of a group are named."""


def masked(text: str) -> str:
    """A message without what differs from case to case: quoted names and numbers."""
    text = re.sub(r"'[^']*'", "'*'", text)
    return re.sub(r"\d+(\.\d+)?(e[-+]\d+)?", "#", text)


def tally(results: Results) -> dict[str, int]:
    """How many cases have each verdict."""
    counts = Counter(result.outcome.verdict for result in results.values())
    return {verdict: counts[verdict] for verdict in VERDICTS}


def counted(results: Results) -> int:
    """How many cases count: all but those that the reference rejects."""
    return len(results) - tally(results)["uncounted"]


def groups(results: Results, verdict: str) -> dict[str, list[Any]]:
    """The keys of the cases with a verdict, by masked message, most frequent first."""
    found: dict[str, list[Any]] = {}
    for key, result in results.items():
        if result.outcome.verdict == verdict:
            message = f"{result.outcome.stage}: {masked(result.outcome.detail)}"
            found.setdefault(message, []).append(key)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def worst(results: Results, count: int = 5) -> list[tuple[float, Any]]:
    """The right cases that are furthest off."""
    errors = [(r.outcome.error, k) for k, r in results.items() if r.outcome.verdict == "right"]
    return sorted(errors, key=lambda pair: -pair[0])[:count]


def coverage(results: Results) -> dict[str, int]:
    """How many of the cases that count have each label."""
    kept = [result for result in results.values() if result.outcome.verdict != "uncounted"]
    counts = Counter(label for result in kept for label in dict.fromkeys(result.labels))
    return dict(sorted(counts.items()))


def coverage_lines(results: Results) -> list[str]:
    """Each label with its count and share of the cases that count."""
    total = max(counted(results), 1)
    return [f"{n:6} {100 * n / total:5.1f} %  {label}" for label, n in coverage(results).items()]


def group_lines(results: Results, verdict: str) -> list[str]:
    """Each group of a verdict with its count, the cases it has, and the message of the first."""
    lines: list[str] = []
    for keys in list(groups(results, verdict).values())[:SHOWN]:
        first: Sequence[str] = results[keys[0]].outcome.detail.splitlines() or [""]
        named = ", ".join(results[key].name or str(key) for key in keys[:NAMED])
        lines.append(f"{len(keys):6}  {results[keys[0]].outcome.stage}: {first[0][:220]}")
        lines.append(f"          as {named}{' ...' if len(keys) > NAMED else ''}")
    return lines


def report(results: Results) -> str:
    """The whole report, the counts last."""
    lines: list[str] = []
    for verdict in ("uncounted", "refused", "wrong", "crash"):
        if found := group_lines(results, verdict):
            lines += [f"{verdict}:", *found]
    if right := [f"{error:.1e} ({results[key].name or key})" for error, key in worst(results)]:
        lines.append(f"largest differences of right ones: {', '.join(right)}")
    counts = ", ".join(f"{n} {verdict}" for verdict, n in tally(results).items())
    return "\n".join([*lines, f"{counted(results)} counted: {counts}"])
