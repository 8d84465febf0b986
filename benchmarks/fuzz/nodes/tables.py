"""Tables of what became of the node tests: by operator, and each reason of a refusal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from benchmarks.fuzz.nodes.check import FOLDED
from benchmarks.fuzz.pool import Result
from benchmarks.fuzz.report import masked

Results = Mapping[str, Result]

COLUMNS = ("right", "folded", "refused", "wrong", "crash")


def column(result: Result) -> str:
    """The verdict; `folded` where a right result left the machine nothing to do."""
    is_folded = result.outcome.verdict == "right" and FOLDED in result.labels
    return "folded" if is_folded else result.outcome.verdict


def operator(result: Result) -> str:
    """What a test is about; unknown where the process died."""
    return result.labels[0] if result.labels else "?"


def reason(result: Result) -> str:
    """Why a test was refused, without the names and numbers that are its own."""
    first, *_ = result.outcome.detail.splitlines() or [""]
    return masked(first)


def table(results: Results) -> str:
    """A line for each operator, under it the reasons of what was refused; the sums last."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results.values():
        counts[operator(result)][column(result)] += 1
        if result.outcome.verdict == "refused":
            reasons[operator(result)][reason(result)] += 1
    lines = [f"{'operator':40}" + "".join(f"{name:>9}" for name in COLUMNS)]
    for name, found in sorted(counts.items()):
        lines.append(_row(name, found))
        lines += [f"    {n:4} {text}" for text, n in reasons[name].most_common()]
    return "\n".join([*lines, _row("all", sum(counts.values(), Counter()))])


def _row(name: str, counts: Counter[str]) -> str:
    return f"{name:40}" + "".join(f"{counts[column]:9}" for column in COLUMNS)


def summary(results: Results) -> str:
    """One line with all counts."""
    counts = Counter(map(column, results.values()))
    return f"{len(results)} tests: " + ", ".join(f"{counts[name]} {name}" for name in COLUMNS)


def rows(results: Results) -> Iterator[str]:
    """A line for each test: name, operator, verdict and detail, separated by tabs."""
    for name, result in results.items():
        detail = " ".join(result.outcome.detail.split())
        yield "\t".join((name, operator(result), column(result), detail))
