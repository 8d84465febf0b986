"""What was measured, as data."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from lpuc.bench.likeness import KEPT, Subject
from lpuc.bench.plan import Plan
from lpuc.bench.sides.classes import Share
from lpuc.bench.sides.questions import Timing
from lpuc.bench.spread import Spread
from lpuc.errors import UserError
from lpuc.files.json_text import parsed
from lpuc.reports.data import plain
from runtime.files import read_text

VERSION = 1
CPU_INFO = Path("/proc/cpuinfo")
MOST_BYTES = 1 << 20
"""Of a result that was kept."""


@dataclass(frozen=True)
class Machine:
    """Where it was measured; `load` is the number of processes that wanted to run just before."""

    processor: str
    count: int
    load: float

    @staticmethod
    def here() -> Machine:
        """This one."""
        name = platform.processor() or platform.machine()
        if CPU_INFO.exists():
            lines = CPU_INFO.read_text().splitlines()
            names = (line.partition(":")[2].strip() for line in lines if "model name" in line)
            name = next(names, name)
        return Machine(name, os.cpu_count() or 1, os.getloadavg()[0])


@dataclass
class Samples:
    """What one side took, in seconds: of each prompt up to its first token, and of each token."""

    prompts: list[Timing] = field(default_factory=list)
    steps: list[Timing] = field(default_factory=list)


@dataclass(frozen=True)
class Timed:
    """Seconds by the clock and of processors, and the rate of tokens."""

    seconds: Spread
    cpu: Spread
    tokens_per_second: Spread

    @staticmethod
    def of(samples: Sequence[Timing], tokens: int) -> Timed:
        """Of calls that take so many tokens each."""
        seconds = Spread.of(sample["seconds"] for sample in samples)
        cpu = Spread.of(sample["cpu"] for sample in samples)
        return Timed(seconds, cpu, seconds.inverse(tokens))


@dataclass(frozen=True)
class SideResult:
    """What one side took; the peak of its memory is that of its process, mapped files counted."""

    about: Mapping[str, Any]
    first_token: Timed
    step: Timed
    peak_bytes: int

    @staticmethod
    def of(about: Mapping[str, Any], samples: Samples, plan: Plan, peak: int) -> SideResult:
        """The samples in short."""
        first = Timed.of(samples.prompts, plan.context)
        return SideResult(about, first, Timed.of(samples.steps, 1), peak)


@dataclass(frozen=True)
class Result:
    """All of it; `not_compared` says why there is nothing of ONNX Runtime."""

    file: str
    machine: Machine
    subject: Subject
    plan: Plan
    lpuc: SideResult
    classes: Mapping[str, Share]
    """Instructions of a token, and their seconds."""
    profiled_seconds: float
    """Of a token that runs as always, between those whose instructions were timed; of a processor,
    as theirs, where there is one thread."""
    seconds_outside_products: float
    """Of a token less the products of the one beside it; in a run each is executed faster."""
    read_bytes_per_second: Mapping[int, Spread]
    """By the number of threads."""
    onnxruntime: SideResult | None = None
    not_compared: str = ""
    same_tokens: Sequence[int] = ()
    """Of both sides: the tokens that were the same up to the first that differs, and all."""
    baseline: Mapping[str, Any] | None = None

    @property
    def instructions_per_token(self) -> float:
        """On all devices together."""
        return sum(share.count for share in self.classes.values())

    @property
    def ratios(self) -> dict[str, dict[str, float]]:
        """Our medians by theirs: below 1 where lpuc takes less."""
        mine = _medians(plain(self.lpuc))
        others: dict[str, Any] = {}
        if self.onnxruntime is not None:
            others["onnxruntime"] = plain(self.onnxruntime)
        if self.baseline is not None:
            others["baseline"] = self.baseline["lpuc"]
        return {
            name: {key: mine[key] / value for key, value in _medians(other).items()}
            for name, other in others.items()
        }

    def as_dict(self) -> dict[str, Any]:
        """What `--json` prints, and `--baseline` reads."""
        data: dict[str, Any] = {"version": VERSION, **plain(self)}
        del data["baseline"]
        return data | {
            "instructions_per_token": self.instructions_per_token,
            "ratios": self.ratios,
        }


def read_baseline(path: Path) -> dict[str, Any]:
    """What `--json` printed before; UserError for anything else."""
    data = parsed(read_text(path, MOST_BYTES), path, "is no JSON")
    try:
        found = cast("dict[str, Any]", data)
        if found["version"] != VERSION:
            raise UserError("is of another version of lpuc bench; measure it anew", file=path)
        _medians(found["lpuc"])
        for part, entry in (key.split(".") for key in KEPT):
            found[part][entry]
    except (KeyError, TypeError, AttributeError):
        raise UserError("is not what lpuc bench --json prints", file=path) from None
    return found


def _medians(side: Mapping[str, Any]) -> dict[str, float]:
    times = {name: side[name]["seconds"]["median"] for name in ("first_token", "step")}
    cpu = {f"{name}_cpu": side[name]["cpu"]["median"] for name in ("first_token", "step")}
    return {**times, **cpu, "peak_bytes": side["peak_bytes"]}
