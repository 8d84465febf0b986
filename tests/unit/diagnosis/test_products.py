"""A product is held to what its operands give: right ones are let through, small errors are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from benchmarks.bounds import Planted, plants
from dialects.errors import node_names
from dialects.lpu.fused import AttentionOp
from dialects.reading import all_within
from lpuc.compiler.located import parse_module
from lpuc.diagnosis.judging.passes import judge
from lpuc.diagnosis.judging.products import exact, product_departs
from lpuc.diagnosis.judging.runs import APART, Runs, bound_of
from lpuc.diagnosis.judging.snapshots import Snapshot, steps
from lpuc.levels.cases import Case
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.kernel import set_operands
from passes.specification import Specification, rounds
from runtime.numerics.elements import ElementType
from tests.unit.diagnosis.test_judging import TEXT, K, case

Array = np.ndarray[Any, np.dtype[Any]]
LENGTH = 9


def attention(kind: str, empty: str, cap: float, bias: str) -> Runs:
    """An attention of 4 heads over 2, with a mask of numbers and one of bits."""
    q, kv, s = "[2, 4, 3, 8]", f"[2, 2, {LENGTH}, 8]", f"[2, 1, 3, {LENGTH}]"
    types = {
        "q": f"!lpu.tensor<{q}, f32>", "k": f"!lpu.tensor<{kv}, {kind}>",
        "v": f"!lpu.tensor<{kv}, {kind}>", "b": f"!lpu.tensor<{s}, {bias}>",
        "m": f"!lpu.tensor<{s}, bool>",
    }  # fmt: skip
    arguments = ", ".join(f"%{name} : {text}" for name, text in types.items())
    names = (("q", "f32"), ("k", kind), ("v", kind), ("b", bias), ("m", "bool"))
    ports = ", ".join(f'"{name}" data {element}' for name, element in names)
    y = f"!lpu.tensor<{q}, {kind}>"
    text = f"""
func.func @step({arguments}) -> {y}
    attributes {{lpu.interface = #lpu.interface<[{ports}] -> ["y" data {kind}]>}} {{
  %y = lpu.attention %q, %k, %v biases %b : {types["b"]} keeps %m : {types["m"]}
      scale 1.000000e+00 softcap {cap:e} empty "{empty}"
      : {types["q"]}, {types["k"]}, {types["v"]} -> {y} loc("attention")
  func.return %y : {y} loc("end")
}} loc("step")
"""
    return Runs(Snapshot.of(parse_module(text, "test"), "lpu"), drawn(kind, empty, bias))


def drawn(kind: str, empty: str, bias: str) -> Case:
    """The second row sees nothing but what a mask of the least number leaves of it."""
    random, types = np.random.default_rng(7), {"f32": np.float32, "f16": np.float16}
    shapes = {"q": (2, 4, 3, 8), "k": (2, 2, LENGTH, 8), "v": (2, 2, LENGTH, 8)}
    found = {n: random.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
    found["k"], found["v"] = (found[n].astype(types[kind]) for n in "kv")
    low = float(np.finfo(types[bias]).min)
    mask = np.where(random.random((2, 1, 3, LENGTH)) < 0.3, low, 0.0)
    mask[:, :, 1] = low
    keep = random.random((2, 1, 3, LENGTH)) < 0.7
    keep[..., 0] = True
    if empty != "nan":
        keep[0, :, 2] = False
    return Case("one", {**found, "b": mask.astype(types[bias]), "m": keep})


@pytest.mark.parametrize("cap", [0.0, 2.0])
@pytest.mark.parametrize("empty", ["nan", "zero", "guarded"])
@pytest.mark.parametrize(
    ("kind", "bias"), [("f32", "f32"), ("f16", "f32"), ("f16", "f16"), ("f32", "f16")]
)
def test_an_attention(kind: str, bias: str, empty: str, cap: float):
    runs = attention(kind, empty, cap, bias)
    assert product_departs(runs, {}) is None
    (event,) = (one for one in runs.events if isinstance(one.op, AttentionOp))
    with np.errstate(all="ignore"):
        assert isinstance(event.op, AttentionOp)
        apart = exact(event.op, event.operands[0])[1]
    doubtful = apart > bound_of(event)
    sees = np.delete(doubtful, 1, axis=2)
    assert np.mean(sees) < 0.2
    for times, seen in ((4.0, True), (0.25, False)):
        for seed in range(8):
            (plant,) = plants(runs, times, np.random.default_rng(seed), None)
            assert isinstance(plant.op, AttentionOp)
            if doubtful[plant.index]:
                continue
            planted = Planted(runs.snapshot, runs.case, plant=plant)
            found = product_departs(planted, {})
            assert (found is not None) == seen
            assert found is None or found.names == ("attention",)


def test_a_sum_that_drifts_is_right():
    """Terms of one sign are rounded in one direction, further than the bound of a walk."""
    k = 1 << 15
    text = TEXT.replace(f"[2, {K}]", f"[2, {k}]").replace(f"[{K}, 4]", f"[{k}, 4]")
    x, w = np.full((2, k), 0.1, np.float32), np.full((k, 4), 0.1, np.float32)
    runs = Runs(Snapshot.of(parse_module(text, "test"), "lpu"), Case("one", {"x": x, "w": w}))
    (event,) = (one for one in runs.events if node_names(one.op) == ("product",))
    exact_sum = np.matmul(x.astype(np.float64), w.astype(np.float64))
    assert np.any(np.abs(event.array - exact_sum) > APART * bound_of(event))
    assert product_departs(runs, {}) is None


@dataclass(frozen=True)
class ShortenPass(RewritingPass):
    """Rounds the factors of the product to f16."""

    name = "shorten"
    specification = Specification(level="lpu", gives=(), numbers=rounds("n u sum |terms|"))

    def rewrite(self, module: ModuleOp) -> None:
        ops = {node_names(op): op for op in all_within(module)}
        product = ops["product",]
        short = [Build(product).cast(v, ElementType.F16) for v in product.operands]
        short = [Build(product).cast(v, ElementType.F32) for v in short]
        set_operands(product, short)


@pytest.mark.parametrize(("times", "seen"), [(4.0, True), (0.5, False)])
def test_a_product_of_rounded_factors(times: float, seen: bool):
    """Rounding them moves it by a thousand times what is seen."""
    (step,) = steps(parse_module(TEXT, "test"), [ShortenPass()], "lpu")
    before, after = Runs(step.before, case()), Runs(step.after, case())
    assert judge(step, before, after, 5e-3) is None
    (plant,) = plants(after, times, np.random.default_rng(0), None)
    found = judge(step, before, Planted(step.after, case(), plant=plant), 5e-3)
    assert (found is not None) == seen
    assert found is None or (found.operation, found.names) == ("lpu.matmul", ("product",))
