"""What recognisers found: the IR at level `lpu`, with and without the passes that recognise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from onnx import ModelProto
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from dialects.errors import CompileError
from dialects.lpu import fused
from dialects.lpu.elementwise import MapOp
from lpuc.compiler.driver import CompiledProgram, load_module
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import PIPELINE, parse_passes, run_pipeline

RECOGNISERS = {
    "activation": "lpu-raise-activation",
    "softmax": "lpu-raise-softmax",
    "norm": "lpu-raise-norm",
    "rotary": "lpu-raise-rotary",
    "attention": "lpu-raise-attention",
    "products": "lpu-merge-matmuls",
    "caches": "lpu-cache-to-state",
    "gathers": "lpu-gather-to-view",
    "layers": "lpu-roll-layers",
}
STRUCTURAL = frozenset({"caches", "gathers", "layers"})
"""Recognisers that compute nothing anew: the bits are those of the pipeline without them."""
FEWER = {"merged": "lpu.matmul", "gathered": "lpu.gather", "scattered": "lpu.scatter"}
"""What a recogniser leaves less of."""


@dataclass(frozen=True)
class Compiled:
    """A program and how often each operation stands in `step` at level `lpu`."""

    program: CompiledProgram
    counts: Mapping[str, int]


def _counts(module: ModuleOp) -> Counter[str]:
    (step,) = [f for f in module.walk() if isinstance(f, FuncOp) and f.sym_name.data == "step"]
    found = Counter(op.name for op in step.walk())
    for op in step.walk():
        match op:
            case MapOp():
                found[op.fn.data] += 1
            case fused.NormOp():
                found[f"norm {op.kind.data}"] += 1
            case fused.SoftmaxOp() | fused.AttentionOp():
                found[f"{op.name} {op.empty.data}"] += 1
            case _:
                pass
    return found


def without(recogniser: str) -> frozenset[str]:
    """The passes that the plain pipeline leaves out, to compare with."""
    left_out = STRUCTURAL if recogniser in STRUCTURAL else RECOGNISERS
    return frozenset(RECOGNISERS[name] for name in left_out)


def passes_until(level: str, left_out: Set[str]) -> str:
    """The default passes from behind the level before, but for some."""
    names: list[str] = []
    for stage in PIPELINE:
        chosen = [name for name in stage.passes if name not in left_out]
        names = [*names, *chosen] if stage.level in ("onnx", "lpu") else chosen
        if stage.level == level:
            break
    return ",".join(names)


def compiled(model: Path, options: CompileOptions, left_out: Set[str] = frozenset()) -> Compiled:
    """Compile a model by the default passes but for some, and count on the way."""
    module = load_module(model, options)
    watch = Instrumentation(reproducer=model.with_suffix(".mlir"))
    counts: Counter[str] = Counter()
    with watch.watching(module):
        for stage in PIPELINE[1:]:
            names = passes_until(stage.level, left_out)
            run_pipeline(module, parse_passes(names), watch)
            if stage.level == "lpu":
                counts = _counts(module)
    return Compiled(CompiledProgram(module, (model,)), counts)


def recognised(model: ModelProto) -> Mapping[str, int]:
    """How often each operation stands in a model at level `lpu`; `InternalError` if it fails."""
    with TemporaryDirectory(prefix="lpuc-nearmiss-") as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model.SerializeToString())
        try:
            return compiled(path, CompileOptions(precision="f32")).counts
        except CompileError:
            return {}


def is_raised(target: str, count: int, raised: Mapping[str, int], plain: Mapping[str, int]) -> bool:
    """Whether a recogniser found its target as often as in the case."""
    if target in FEWER:
        return raised.get(FEWER[target], 0) < plain.get(FEWER[target], 0)
    return raised.get(target, 0) - plain.get(target, 0) >= count
