"""
The default pipeline: which passes run, in which order, and why in that order.

`PIPELINE` is the whole story for one device, one stage for each level of IR; `pipeline_of` several
puts the stage `ESL` in front of the merging of products, which is then that of parts. Each pass
says what it needs and what it comes after (`passes.specification`), and the order is checked
against that before it is used. `cse` and `dce` are xDSL's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from lpuc.compiler.reading.pipelines import available_passes, parse_passes
from lpuc.compiler.watching.checks import check_level
from lpuc.errors import UsageError
from passes import PASSES
from passes.specification import COMMON, FACTS, Specification, specification_of, wrong_level
from passes.specification import LEVELS as LEVELS_OF_IR

if TYPE_CHECKING:
    from xdsl.context import Context
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass

    from lpuc.compiler.instrument import Instrumentation


@dataclass(frozen=True)
class Stage:
    """The passes that end with IR of one level, and the dialects that may then be left."""

    level: str
    passes: tuple[str, ...]
    dialects: frozenset[str]


_MERGE = ("lpu-merge-matmuls", "cse", "dce")

PIPELINE = (
    Stage(
        "onnx",
        ("onnx-check-operators", "onnx-derive-chunk", "onnx-bind-roles", "onnx-resolve-shapes"),
        COMMON | {"onnx", "lpu"},
    ),
    Stage(
        "lpu",
        (
            "convert-onnx-to-lpu",
            "lpu-fold-constants",
            "lpu-merge-duplicates",
            "lpu-drop-dead",
            "lpu-gather-to-view",
            "lpu-demote-precision",
            "lpu-drop-dead",
            "lpu-round-inputs",
            "lpu-cache-to-state",
            "lpu-roll-layers",
            "cse",
            "dce",
            "lpu-derive-chunk",
            "lpu-derive-generate",
            "lpu-fold-indices",
            "lpu-gather-to-view",
            "lpu-drop-dead",
            "lpu-raise-activation",
            "lpu-raise-softmax",
            "lpu-raise-norm",
            "lpu-raise-rotary",
            "lpu-raise-attention",
            *_MERGE,
        ),
        COMMON | {"lpu"},
    ),
    Stage(
        "mem",
        (
            "convert-lpu-to-lpu-mem",
            "lpu-mem-assign-layouts",
            "lpu-mem-schedule",
            "lpu-mem-promote",
            "lpu-mem-tile",
            "lpu-mem-allocate",
        ),
        COMMON | {"lpu_mem"},
    ),
    Stage(
        "isa",
        ("convert-lpu-mem-to-lpu-isa", "lpu-isa-hoist-streams", "lpu-isa-allocate-registers"),
        COMMON | {"lpu_isa"},
    ),
)

_SHARE = ("lpu-esl-split-products", "lpu-esl-plan", "lpu-esl-partition", "lpu-esl-insert-sync")

ESL = Stage("esl", (*_SHARE, "cse", "dce", *_MERGE), COMMON | {"lpu", "lpu_esl"})
"""How the IR of one device becomes that of several."""

LEVELS = ("onnx", "lpu", "esl", "mem", "isa")


@cache
def pipeline_of(devices: int) -> tuple[Stage, ...]:
    """The stages of a compilation for so many devices, in the order that their passes ask for."""
    stages = PIPELINE if devices == 1 else _shared()
    wrong = list(faults([name for stage in stages for name in stage.passes]))
    assert not wrong, "; ".join(wrong)
    return stages


def _shared() -> tuple[Stage, ...]:
    onnx, lpu, mem, isa = PIPELINE
    *before, allocation = isa.passes
    described = replace(isa, passes=(*before, "lpu-isa-describe-code", allocation))
    return (onnx, replace(lpu, passes=lpu.passes[: -len(_MERGE)]), ESL, mem, described)


def stages_until(level: str, devices: int = 1) -> tuple[Stage, ...]:
    """The stages that lead to a level, itself included; `UsageError` if it is not on the way."""
    stages = pipeline_of(devices)
    levels = [stage.level for stage in stages]
    if level not in levels:
        raise UsageError(f"level '{level}' is one of several devices; choose how many")
    return stages[: levels.index(level) + 1]


def make_context() -> Context:
    """A context that knows every dialect, xDSL's and ours, loaded on use."""
    from xdsl.context import Context
    from xdsl.dialects import get_all_dialects

    from dialects import DIALECTS

    context = Context()
    for name, factory in (get_all_dialects() | DIALECTS).items():
        context.register_dialect(name, factory)
    return context


def faults(names: Sequence[str]) -> Iterator[str]:
    """What passes, run from a model on, need or come after, and do not find."""
    level, held = "onnx", set[str]()
    for name in names:
        spec = specification_of(available_passes()[name]())
        assert spec is not None, f"nobody says what '{name}' does"
        if not spec.accepts(level):
            yield wrong_level(name, str(spec.level), level)
        for fact, why in (*spec.needs.items(), *spec.after.items()):
            if fact not in held:
                yield f"'{name}' comes after {fact}: {why}"
        held = (held - set(spec.spoils)) | set(spec.gives)
        level = spec.behind(level) or level


def check_pipeline(
    passes: Sequence[ModulePass], level: str | None = None, ends: Iterable[str] = ()
) -> None:
    """
    `UsageError` if a pipeline of a user's cannot work on IR of a level, of any level if it is None.

    Of the levels that it leads to, and that of a model, nothing holds but what its passes give;
    behind it must hold the facts `ends`.
    """
    whole, held = {level}, set[str]()
    for one in passes:
        spec = specification_of(type(one))
        if spec is None:
            continue
        if spec.level is not None and level is not None and not spec.accepts(level):
            lead = _naming(lambda other, to=spec.level: other.to == to)
            is_above = LEVELS_OF_IR.index(level) < LEVELS_OF_IR.index(spec.level)
            hint = f"; {lead} leads there" if is_above else ""
            raise UsageError(f"pipeline: {wrong_level(one.name, spec.level, level)}{hint}")
        _check_needs(f"'{one.name}'", {f for f in spec.needs if FACTS[f][0] in whole} - held)
        whole.add(spec.to)
        held = (held - set(spec.spoils)) | set(spec.gives)
        level = spec.behind(level)
    _check_needs("a program", set(ends) - held)


def _check_needs(name: str, missing: Set[str]) -> None:
    for fact in sorted(missing):
        givers = _naming(lambda spec, fact=fact: fact in spec.gives)
        raise UsageError(f"pipeline: {name} needs that {FACTS[fact][1]}; {givers} sees to it")


def _naming(chosen: Callable[[Specification], bool]) -> str:
    """The passes of ours that say something of themselves."""
    found = ((name, specification_of(load())) for name, load in PASSES.items())
    return " or ".join(f"'{name}'" for name, spec in found if spec is not None and chosen(spec))


def by_level(passes: Sequence[ModulePass]) -> dict[str, list[ModulePass]]:
    """The passes of a user's pipeline by the level of IR that each leaves."""
    groups, level = dict[str, list["ModulePass"]](), LEVELS_OF_IR[0]
    for one in passes:
        spec = specification_of(type(one))
        level = level if spec is None else spec.behind(level) or level
        groups.setdefault(LEVELS[LEVELS_OF_IR.index(level)], []).append(one)
    return groups


@cache
def stage_passes(stage: Stage) -> tuple[ModulePass, ...]:
    """The passes of a stage with their default options."""
    return parse_passes(",".join(stage.passes))


def run_pipeline(
    module: ModuleOp, passes: Sequence[ModulePass], instrumentation: Instrumentation
) -> None:
    """Run passes over a module, in place."""
    context = make_context()
    for index, one in enumerate(passes):
        with instrumentation.around(one, module, rest=passes[index:]):
            one.apply(context, module)


def run_stages(
    module: ModuleOp, stages: Sequence[Stage], instrumentation: Instrumentation
) -> Iterator[Stage]:
    """Run stages over a module, in place, and yield each when its level is reached."""
    from dialects.verification import forget

    for stage in stages:
        run_pipeline(module, stage_passes(stage), instrumentation)
        with instrumentation.judging(f"stage '{stage.level}'", module, stage.level):
            check_level(module, stage.level, stage.dialects)
        forget()
        yield stage
