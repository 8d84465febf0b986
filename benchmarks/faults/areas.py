"""
Where faults are planted, how many, and on which settings each is judged.

An area is a part of the project with the steps that run it: each pass, the importer, the encoder,
the paths of the interpreter, what the passes share, the semantics of the levels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from benchmarks.faults.ground import Ground
from benchmarks.faults.mutation import Fault, faults_of, is_equivalent
from benchmarks.faults.planting import ROOT

EACH_PASS = 5
DIRECT = ("operands swapped", "operator changed", "off by one", "constant changed", "axis changed")
"""Kinds that come twice as often: they change numbers and extents rather than who is asked."""
LEVELS = ("lpu_isa", "lpu_mem", "lpu_esl", "lpu", "onnx")
SEMANTICS = (
    "dialects/onnx/execution", "dialects/onnx/semantics", "dialects/onnx/branches",
    "dialects/onnx/extra/", "dialects/lpu/execution", "dialects/lpu/semantics",
    "dialects/lpu/fused_semantics", "dialects/lpu_mem/semantics", "dialects/lpu_mem/kernels",
    "dialects/lpu_mem/memory", "dialects/lpu_mem/device", "dialects/lpu_esl/combining",
)  # fmt: skip


@dataclass(frozen=True)
class Area:
    """A part of the project: files by the beginnings of their names, and the steps they run in."""

    name: str
    files: tuple[str, ...]
    steps: tuple[str, ...]
    count: int = EACH_PASS
    without: tuple[str, ...] = ()
    is_level: bool = False
    """Whether it is the semantics of levels, which a program does not show."""

    def lines(self, ground: Ground) -> dict[str, set[int]]:
        """The lines of its files that run in its steps."""
        found: defaultdict[str, set[int]] = defaultdict(set)
        for step, files in ground.lines.items():
            if not step.startswith(self.steps):
                continue
            for file, lines in files.items():
                if file.startswith(self.files) and not file.startswith(self.without or ("-",)):
                    found[file] |= lines
        return found


def _pass_area(name: str) -> Area:
    """A pass: its file, and the files of its level that it runs."""
    words = name.replace("-", "_")
    if words.startswith("convert_"):
        level = words.removeprefix("convert_").partition("_to_")[0]
    else:
        level = next(level for level in LEVELS if words.startswith(f"{level}_"))
    return Area(name, (f"passes/{level}/",), (name,))


OTHERS = (
    Area("importer", ("lpuc/onnx_import/",), ("importer",), 24),
    Area("encoder", ("lpuc/compiler/emit", "lpuc/compiler/parameters", "runtime/isa/",
                     "runtime/program/"), ("encoder",), 24),
    Area("reference path", ("runtime/device/", "runtime/isa/instructions/", "runtime/isa/state"),
         ("reference",), 22, ("runtime/device/fast/",)),
    Area("fast path", ("runtime/device/",), ("fast",), 22, ("runtime/device/specified",)),
    Area("run", ("runtime/run/",), ("fast", "reference", "generate"), 20),
    Area("rewriting", ("passes/analysis/", "passes/rewriting/"),
         ("convert-", "lpu-", "onnx-"), 14),
    Area("dialects", ("dialects/",), ("importer", "convert-", "lpu-", "onnx-"), 14, SEMANTICS),
    Area("semantics", SEMANTICS, ("semantics of",), 14, is_level=True),
)  # fmt: skip


def areas(grounds: Sequence[Ground]) -> list[Area]:
    """All areas: the passes in the order in which they first run, then the others."""
    steps = dict.fromkeys(step for ground in grounds for step, _ in ground.forms)
    passes = [step for step in steps if step.startswith(("convert-", "lpu-", "onnx-"))]
    return [*map(_pass_area, passes), *OTHERS]


@dataclass(frozen=True)
class Planted:
    """A fault of an area, and the settings that run into it."""

    area: Area
    fault: Fault
    settings: tuple[str, ...]


class Catalogue:
    """All faults of all files, made when they are asked for."""

    def __init__(self) -> None:
        self.sources: dict[str, str] = {}
        self.faults: dict[str, list[Fault]] = {}

    def of(self, file: str) -> list[Fault]:
        """The faults of a file."""
        if file not in self.faults:
            self.sources[file] = (ROOT / file).read_text(encoding="utf-8")
            self.faults[file] = faults_of(file, self.sources[file])
        return self.faults[file]


def _covered(area: Area, grounds: Sequence[Ground], catalogue: Catalogue) -> Iterator[Planted]:
    """The faults of an area on lines that some setting runs."""
    lines = {ground.setting.name: area.lines(ground) for ground in grounds}
    for file in sorted({file for files in lines.values() for file in files}):
        for fault in catalogue.of(file):
            span = range(fault.line, fault.last_line + 1)
            names = [n for n, files in lines.items() if not files.get(file, set()).isdisjoint(span)]
            if names:
                yield Planted(area, fault, tuple(names))


def planted_in(
    area: Area, grounds: Sequence[Ground], catalogue: Catalogue, seed: int
) -> Iterator[Planted]:
    """
    The faults of an area in the order of a seed: the kinds in turn, each function before any again.

    The settings are in random order, too.
    """
    random = Random(f"{seed} {area.name}")
    by_kind: defaultdict[str, list[Planted]] = defaultdict(list)
    for one in _covered(area, grounds, catalogue):
        by_kind[one.fault.kind].append(one)
    queues = {kind: _spread(found, random) for kind, found in sorted(by_kind.items())}
    while queues:
        kinds = [kind for kind in queues for _ in range(1 + (kind in DIRECT))]
        random.shuffle(kinds)
        for kind in kinds:
            found = next(queues.get(kind, iter(())), None)
            if found is None:
                queues.pop(kind, None)
            elif not is_equivalent(catalogue.sources[found.fault.file], found.fault):
                settings = random.sample(found.settings, len(found.settings))
                yield Planted(area, found.fault, tuple(settings))


def _spread(found: Sequence[Planted], random: Random) -> Iterator[Planted]:
    """Faults in random order, one of each function in turn."""
    functions: Mapping[tuple[str, str], list[Planted]] = defaultdict(list)
    for one in random.sample(found, len(found)):
        functions[one.fault.file, one.fault.function].append(one)
    waiting = list(functions.values())
    while waiting:
        for group in waiting:
            yield group.pop()
        waiting = [group for group in waiting if group]
