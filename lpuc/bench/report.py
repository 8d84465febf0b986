"""What was measured, as a table for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

from lpuc.bench.plan import PROFILED
from lpuc.bench.result import Result, SideResult, Timed
from lpuc.bench.spread import Spread
from lpuc.reports.lines import size

WIDTH = 24


def lines(result: Result) -> Iterator[str]:
    """The report, line by line."""
    yield from _setting(result)
    yield ""
    yield from _sides(result)
    yield ""
    yield from _classes(result)
    yield ""
    yield from _notes(result)


def _setting(result: Result) -> Iterator[str]:
    plan, machine = result.plan, result.machine
    yield (
        f"{result.file}: {result.subject.precision}, {plan.context} tokens in the cache, "
        f"{_count(plan.threads, 'thread')}"
    )
    yield f"on {machine.processor}, {machine.count} processors, load {machine.load:.1f}"
    yield (
        f"{_count(plan.rounds, 'round')} of a prompt and {_count(plan.tokens, 'token')}"
        f" behind {plan.warm_up} that {'is' if plan.warm_up == 1 else 'are'} not counted;"
        " medians, and quartiles in brackets"
    )


def _sides(result: Result) -> Iterator[str]:
    sides = {"lpuc": result.lpuc}
    if result.onnxruntime is not None:
        sides["ONNX Runtime"] = result.onnxruntime
    ratios = result.ratios
    names = {"onnxruntime": "lpuc / it", "baseline": "lpuc / baseline"}
    heads = [*sides, *(names[name] for name in ratios)]
    yield _row("", heads)
    rows: tuple[tuple[str, str | None, Callable[[SideResult], str]], ...] = (
        ("first token", "first_token", lambda side: _seconds(side.first_token.seconds)),
        ("  CPU time", "first_token_cpu", lambda side: _seconds(side.first_token.cpu)),
        ("prompt", None, lambda side: _rate(side.first_token)),
        ("a token behind it", "step", lambda side: _seconds(side.step.seconds)),
        ("  CPU time", "step_cpu", lambda side: _seconds(side.step.cpu)),
        ("decode", None, lambda side: _rate(side.step)),
        ("peak memory", "peak_bytes", _memory),
    )
    for title, key, cell in rows:
        cells = [cell(side) for side in sides.values()]
        more = [f"{found[key]:.2f}" if key is not None else "" for found in ratios.values()]
        yield _row(title, [*cells, *more])


def _memory(side: SideResult) -> str:
    return size(side.peak_bytes)


def _classes(result: Result) -> Iterator[str]:
    whole = sum(share.seconds for share in result.classes.values())
    yield (
        f"a token of lpuc is {result.instructions_per_token:.0f} instructions and takes "
        f"{1e3 * result.seconds_outside_products:.3g} ms outside of products; each timed by itself,"
    )
    yield f"which takes longer than together, {1e3 * whole:.3g} ms, medians over {PROFILED} tokens:"
    for name, share in sorted(result.classes.items(), key=lambda item: -item[1].seconds):
        part = share.seconds / whole if whole else 0.0
        yield f"  {name:14}{share.count:8.0f} {1e3 * share.seconds:10.3f} ms {part:6.0%}"


def _notes(result: Result) -> Iterator[str]:
    subject = result.subject
    yield f"products by {result.lpuc.about['products']}"
    yield (
        f"the program declares {size(subject.parameters)} of parameters and "
        f"{size(subject.arena)} of other memory"
        + (f", on each of {subject.devices} machines" if subject.devices > 1 else "")
    )
    for threads, rate in result.read_bytes_per_second.items():
        spread = ", ".join(f"{1e-9 * number:.1f}" for number in (rate.lower, rate.upper))
        yield (
            f"memory is read at {1e-9 * rate.median:.1f} GB/s [{spread}] by "
            f"{_count(threads, 'thread')} in between"
        )
    if result.onnxruntime is None:
        yield f"ONNX Runtime: {result.not_compared}"
        return
    told = ", ".join(f"{key} {_told(value)}" for key, value in result.onnxruntime.about.items())
    yield f"ONNX Runtime: {told}"
    same, count = result.same_tokens
    yield f"tokens: {same} of {count} are the same up to the first of a round that differs"


def _told(value: object) -> str:
    return (
        " ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)
    )


def _row(title: str, cells: list[str]) -> str:
    return f"{title:18}{''.join(f'{cell:>{WIDTH}}' for cell in cells)}".rstrip()


def _seconds(spread: Spread) -> str:
    unit, name = (1.0, "s") if spread.median >= 1 else (1e3, "ms")
    low, middle, high = (unit * n for n in (spread.lower, spread.median, spread.upper))
    return f"{middle:.3g} {name} [{low:.3g}, {high:.3g}]"


def _rate(timed: Timed) -> str:
    return f"{timed.tokens_per_second.median:.3g} tokens/s"


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
