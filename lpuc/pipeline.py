"""
The default pipeline: which passes run, in which order, and why in that order.

`PIPELINE` is the whole story, one stage for each level of IR; `ORDER` records the constraints that
its order satisfies, and a test holds the two together. `cse` and `dce` are xDSL's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from lpuc.errors import UsageError

if TYPE_CHECKING:
    from xdsl.context import Context
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass

    from lpuc.instrument import Instrumentation


@dataclass(frozen=True)
class Stage:
    """The passes that end with IR of one level, and the dialects that may then be left."""

    level: str
    passes: tuple[str, ...]
    dialects: frozenset[str]


_COMMON = frozenset({"builtin", "func"})

PIPELINE = (
    Stage(
        "onnx",
        ("onnx-check-operators", "onnx-bind-roles", "onnx-resolve-shapes"),
        _COMMON | {"onnx", "lpu"},
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
            "lpu-cache-to-state",
            "lpu-roll-layers",
            "cse",
            "dce",
            "lpu-derive-generate",
            "lpu-fold-indices",
            "lpu-gather-to-view",
            "lpu-raise-activation",
            "lpu-raise-softmax",
            "lpu-raise-norm",
            "lpu-raise-rotary",
            "lpu-raise-attention",
            "lpu-merge-matmuls",
            "cse",
            "dce",
        ),
        _COMMON | {"lpu"},
    ),
    Stage(
        "mem",
        (
            "convert-lpu-to-lpu-mem",
            "lpu-mem-assign-layouts",
            "lpu-mem-promote",
            "lpu-mem-tile",
            "lpu-mem-allocate",
        ),
        _COMMON | {"lpu_mem"},
    ),
    Stage(
        "isa",
        ("convert-lpu-mem-to-lpu-isa", "lpu-isa-hoist-streams", "lpu-isa-allocate-registers"),
        _COMMON | {"lpu_isa"},
    ),
)

LEVELS = tuple(stage.level for stage in PIPELINE)

ORDER = (
    ("onnx-check-operators", "onnx-bind-roles", "nobody gives dimensions of a refused model"),
    ("onnx-bind-roles", "onnx-resolve-shapes", "extents are affine in the symbols that it names"),
    ("onnx-resolve-shapes", "convert-onnx-to-lpu", "every extent is known at level lpu"),
    ("convert-onnx-to-lpu", "lpu-fold-constants", "folding runs the semantics of level lpu"),
    ("lpu-fold-constants", "lpu-merge-duplicates", "equal constants are seen once evaluated"),
    ("lpu-merge-duplicates", "lpu-roll-layers", "layers read one value, not one equal for each"),
    ("lpu-fold-constants", "lpu-drop-dead", "what was evaluated leaves its operands behind"),
    ("lpu-fold-constants", "lpu-gather-to-view", "indices are seen once they are constants"),
    ("lpu-fold-constants", "lpu-demote-precision", "weights have become references it can cast"),
    ("lpu-demote-precision", "convert-lpu-to-lpu-mem", "buffers have the types that are stored"),
    ("lpu-gather-to-view", "convert-lpu-to-lpu-mem", "a view costs nothing, a gather a pass"),
    ("lpu-demote-precision", "lpu-cache-to-state", "a state has the type that is stored"),
    ("lpu-cache-to-state", "lpu-roll-layers", "a layer reads and writes its own part of a state"),
    ("lpu-roll-layers", "lpu-derive-generate", "the token loop has two copies of the layers"),
    ("lpu-roll-layers", "lpu-raise-attention", "one layer is raised for all"),
    ("lpu-roll-layers", "lpu-fold-indices", "some layers may lose a mask that others keep"),
    ("lpu-derive-generate", "lpu-fold-indices", "its masks are ones and its positions count"),
    ("lpu-fold-indices", "lpu-raise-attention", "masks of ones are gone by then"),
    ("lpu-demote-precision", "lpu-raise-norm", "a cast behind a norm is the type of its result"),
    ("lpu-demote-precision", "lpu-raise-rotary", "the cast of a key is the type of its result"),
    ("lpu-raise-activation", "convert-lpu-to-lpu-mem", "an activation is one pass over its data"),
    ("lpu-raise-softmax", "lpu-raise-attention", "attention is built around a softmax"),
    ("lpu-raise-attention", "lpu-merge-matmuls", "attention tells values, keys and queries apart"),
    ("lpu-derive-generate", "lpu-merge-matmuls", "the functions must agree on what is merged"),
    ("lpu-merge-matmuls", "convert-lpu-to-lpu-mem", "a merged product streams one panel"),
    ("lpu-roll-layers", "convert-lpu-to-lpu-mem", "everything below sees one layer"),
    ("convert-lpu-to-lpu-mem", "lpu-mem-assign-layouts", "products show how they stream"),
    ("lpu-mem-assign-layouts", "lpu-mem-tile", "a view of a tile is not one of the axes any more"),
    ("convert-lpu-to-lpu-mem", "lpu-mem-promote", "it chooses among the buffers"),
    ("lpu-mem-promote", "lpu-mem-tile", "what lies in the LMU needs no tiles"),
    ("lpu-mem-tile", "lpu-mem-allocate", "tiling makes the buffers that fit on the chip"),
    ("lpu-mem-allocate", "convert-lpu-mem-to-lpu-isa", "instructions hold addresses"),
    ("convert-lpu-mem-to-lpu-isa", "lpu-isa-hoist-streams", "it moves instructions"),
    ("lpu-isa-hoist-streams", "lpu-isa-allocate-registers", "registers live where code stands"),
    ("convert-lpu-mem-to-lpu-isa", "lpu-isa-allocate-registers", "it names the registers in use"),
)
"""(earlier, later, why)"""


def stages_until(level: str) -> tuple[Stage, ...]:
    """The stages that lead to a level, itself included."""
    return PIPELINE[: LEVELS.index(level) + 1]


@cache
def available_passes() -> dict[str, Callable[[], type[ModulePass]]]:
    """Every pass by name, xDSL's and ours, loaded on use."""
    from xdsl.universe import XDSL_UNIVERSE

    from lpuc.universe import LPUC_UNIVERSE

    return {**XDSL_UNIVERSE.all_passes, **LPUC_UNIVERSE.all_passes}


def make_context() -> Context:
    """A context that knows every dialect, xDSL's and ours, loaded on use."""
    from xdsl.context import Context
    from xdsl.universe import XDSL_UNIVERSE

    from lpuc.universe import LPUC_UNIVERSE

    context = Context()
    for name, factory in (XDSL_UNIVERSE.all_dialects | LPUC_UNIVERSE.all_dialects).items():
        context.register_dialect(name, factory)
    return context


def parse_passes(text: str) -> tuple[ModulePass, ...]:
    """The passes of `p1,p2{option=1}`; `UsageError` if there is no such pass or option."""
    from xdsl.utils.arg_spec import parse_pipeline
    from xdsl.utils.exceptions import ArgSpecParseError

    from dialects.spelling import did_you_mean

    known = available_passes()
    try:
        specs = tuple(parse_pipeline(text))
    except ArgSpecParseError as error:
        raise UsageError(f"pipeline: {error}") from None
    unknown = [spec.name for spec in specs if spec.name not in known]
    if unknown:
        hint = did_you_mean(unknown[0], known, "`lpuc passes` lists them")
        raise UsageError(f"pipeline: no pass '{unknown[0]}'; {hint}")
    try:
        return tuple(known[spec.name]().from_spec(spec) for spec in specs)
    except ValueError as error:
        raise UsageError(f"pipeline: {error}") from None


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
    for stage in stages:
        run_pipeline(module, stage_passes(stage), instrumentation)
        with instrumentation.judging(f"stage '{stage.level}'", module):
            check_level(module, stage)
        yield stage


def check_level(module: ModuleOp, stage: Stage) -> None:
    """Refuse an operation of another level."""
    from dialects.refusal import Refused

    for op in module.walk():
        dialect = op.name.partition(".")[0]
        if dialect not in stage.dialects:
            raise Refused(op, f"it is left at level '{stage.level}'")
