"""What a pass to or on buffers does to one product is seen, however little comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.passes import ModulePass

from dialects.affine import Affine
from dialects.lpu_mem import ops
from dialects.lpu_mem.access import Access, AccessAttr
from dialects.reading import all_within
from lpuc.compiler.located import parse_module
from lpuc.diagnosis.judging.departures import Departure
from lpuc.diagnosis.judging.mem.written import bound_of_sum
from lpuc.diagnosis.judging.passes import judge
from lpuc.diagnosis.judging.runs import APART, Runs
from lpuc.diagnosis.judging.snapshots import steps
from lpuc.levels.cases import Case
from passes.lpu.convert_to_lpu_mem import ConvertLpuToLpuMemPass
from passes.lpu_mem import tile
from passes.lpu_mem.tile import LpuMemTilePass
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import set_property
from passes.rewriting.places import MemBuilder
from passes.specification import EXACT, SUMS, Specification
from tests.unit.diagnosis.test_judging import TEXT, K

TOLERANCE = 5e-5
UNITS = 8.0
"""What the last term of the product is worth, in local bounds, by which it is off without it."""
ATTENTION = """
func.func @step(%q : !lpu.tensor<[1, 4, 1, 16], f32>, %k : !lpu.tensor<[1, 2, 5, 16], f32>,
                %v : !lpu.tensor<[1, 2, 5, 16], f32>) -> !lpu.tensor<[1, 4, 1, 16], f32>
    attributes {lpu.interface = #lpu.interface<["q" data f32, "k" data f32, "v" data f32]
                                               -> ["y" data f32]>} {
  %y = lpu.attention %q, %k, %v scale 2.500000e-01 softcap 0.000000e+00 empty "nan"
      : !lpu.tensor<[1, 4, 1, 16], f32>, !lpu.tensor<[1, 2, 5, 16], f32>,
        !lpu.tensor<[1, 2, 5, 16], f32> -> !lpu.tensor<[1, 4, 1, 16], f32> loc("attention")
  func.return %y : !lpu.tensor<[1, 4, 1, 16], f32> loc("end")
} loc("step")
"""


def case(units: float = UNITS) -> Case:
    """Rows and columns whose last term is worth so many local bounds of the product."""
    random = np.random.default_rng(5)
    x, w = random.standard_normal((2, K)) / 8, random.standard_normal((K, 4))
    w[-1] = 1
    size = np.sqrt(K * np.matmul(x[:, :-1] ** 2, w[:-1] ** 2)) + np.abs(x[:, :-1] @ w[:-1])
    x[:, -1] = units * 2.0**-24 * np.max(size, axis=-1)
    return Case("one", {"x": x.astype(np.float32), "w": w.astype(np.float32)})


def attended(units: float = UNITS) -> Case:
    """The same for scores."""
    random = np.random.default_rng(5)
    shapes = {"q": (1, 4, 1, 16), "k": (1, 2, 5, 16), "v": (1, 2, 5, 16)}
    found = {n: random.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
    found["k"][..., -1] = 1
    found["q"][..., -1] = units * 2.0**-24 * 16
    return Case("one", found)


def judged(passes: Sequence[ModulePass], text: str = TEXT, given: Case | None = None) -> list[Any]:
    """What is found of each pass, by name."""
    one, found, last = given or case(), list[tuple[str, Departure | None]](), None
    for step in steps(parse_module(text, "test"), passes, "lpu"):
        if not step.is_idle:
            before = last or Runs(step.before, one)
            last = Runs(step.after, one, before if before.is_traced else before.basis)
            found.append((step.one.name, judge(step, before, last, TOLERANCE)))
    return found


def shortened(access: Access) -> Access:
    """Without the last term of a product."""
    *others, k, n = access.extents
    return Access((*others, k - Affine(1), n), access.views)


@dataclass(frozen=True)
class ShortenPass(RewritingPass):
    """Leaves out the last term of each product on buffers, and says that of itself."""

    name = "shorten"
    specification = Specification(level="lpu_mem", gives=(), numbers=SUMS)

    def rewrite(self, module: ModuleOp) -> None:
        for op in all_within(module):
            if isinstance(op, ops.VecmatOp):
                set_property(op, "access", AccessAttr(shortened(op.access.data)))


@dataclass(frozen=True)
class ShortenExactPass(ShortenPass):
    specification = Specification(level="lpu_mem", gives=(), numbers=EXACT)


def shorten_what_is_made(monkeypatch: pytest.MonkeyPatch, which: int) -> None:
    """Let what makes operations on buffers leave out the last term of one product."""
    right, made = MemBuilder.data, list[object]()

    def data(self: MemBuilder, cls: type[ops.DataOp], extents: Any, *given: Any, **named: Any):
        if cls is ops.VecmatOp:
            made.append(cls)
            if len(made) == which:
                *others, k, n = extents
                extents = (*others, k - Affine(1), n)
        return right(self, cls, extents, *given, **named)

    monkeypatch.setattr(MemBuilder, "data", data)


def test_terms_may_be_added_in_tiles():
    """With room for few terms at a time, sums are of other parts."""
    small = [ConvertLpuToLpuMemPass(), LpuMemTilePass(lmu=256)]
    assert [found for _, found in judged(small)] == [None, None]


@pytest.mark.parametrize("units", [UNITS, 0.5])
def test_a_product_that_lacks_a_term(units: float, monkeypatch: pytest.MonkeyPatch):
    shorten_what_is_made(monkeypatch, 1)
    ((_, found),) = judged([ConvertLpuToLpuMemPass()], given=case(units))
    if units < 1:
        assert found is None
    else:
        assert found is not None
        assert (found.operation, found.names) == ("lpu.matmul", ("product",))


@pytest.mark.parametrize("units", [UNITS, 0.5])
def test_a_tile_that_lacks_a_term(units: float, monkeypatch: pytest.MonkeyPatch):
    right = tile.space_of

    def space_of(op: ops.DataOp) -> Any:
        space = right(op)
        if isinstance(op, ops.VecmatOp):
            space = space._replace(access=shortened(space.access))
        return space

    monkeypatch.setattr(tile, "space_of", space_of)
    *_, (_, found) = judged([ConvertLpuToLpuMemPass(), LpuMemTilePass(lmu=4096)], given=case(units))
    if units < 1:
        assert found is None
    else:
        assert found is not None
        assert (found.operation, found.names) == ("lpu_mem.vecmat", ("product",))


@pytest.mark.parametrize("one", [ShortenPass(), ShortenExactPass()])
def test_an_operation_that_stays_and_lacks_a_term(one: ShortenPass):
    *_, (_, found) = judged([ConvertLpuToLpuMemPass(), one])
    assert found is not None
    assert (found.operation, found.names) == ("lpu_mem.vecmat", ("product",))


@pytest.mark.parametrize(("which", "seen"), [(1, True), (2, True), (3, False)])
def test_products_in_attention(which: int, seen: bool, monkeypatch: pytest.MonkeyPatch):
    """The scores and the mixed values; of a third there is none."""
    shorten_what_is_made(monkeypatch, which)
    ((_, found),) = judged([ConvertLpuToLpuMemPass()], ATTENTION, attended())
    assert (found is not None) == seen
    assert found is None or (found.operation, found.names) == ("lpu.attention", ("attention",))


@pytest.mark.parametrize("terms", [16, 70, 512])
def test_terms_of_one_sign_may_be_added_in_order(terms: int):
    """What is summed so far is large for most of the way, and so is what each addition rounds."""
    random = np.random.default_rng(terms)
    rows = random.uniform(0.5, 1, (1, 4, 500, terms)).astype(np.float32)
    columns = random.uniform(-9.2, -9, (1, 4, terms, 8)).astype(np.float32)
    right = np.matmul(rows.astype(np.float64), columns.astype(np.float64))
    got = np.zeros(right.shape, np.float32)
    for k in range(terms):
        got += rows[..., k, None] * columns[..., k, None, :]
    op = ops.VecmatOp.create(properties={"accumulate": IntegerAttr(0, 1)})
    off = np.abs(got - right) / bound_of_sum(op, [rows, columns], got)
    assert np.max(off) < APART
    few = bound_of_sum(op, [rows, columns * random.choice((-1, 1), columns.shape)], got / 1e6)
    assert np.all(few < bound_of_sum(op, [rows, columns], got))
