"""What the reference of the instruction set says of costs is what the timing model charges."""

from __future__ import annotations

import re
from dataclasses import fields
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.isa import ISA, Inst, Scatter, Stream, Vecmat
from runtime.isa.instructions.gather import IndexedInst
from runtime.isa.instructions.memory import TransferInst
from runtime.isa.instructions.net import NetInst
from runtime.isa.instructions.reduction import Reduce, Scan, TopK
from runtime.isa.spec import DataInst, VectorInst
from runtime.reference import page
from runtime.target import Target
from runtime.timing.costs import charged, sample
from runtime.timing.hbm import rates
from tests.unit.runtime.timing.addresses import clocks

DOCS = (Path(__file__).parents[4] / "docs/isa.md").read_text(encoding="utf-8")
FORMULAS = dict(re.findall(r"^    (\w+) = (.*)$", DOCS, re.MULTILINE))
TARGETS = [Target.load(name) for name in ("lpu-4nm", "lpu-tiny", "lpu-u55c")]
EXTENTS = [
    (1, 1, 1, 500),
    (2, 3, 5, 7),
    (1, 1, 8, 96),
    (1, 2, 1, 1),
    (1, 1, 1, 1),
    (3, 1, 2, 33),
    (1, 0, 1, 8),
]


def section(mnemonic: str) -> str:
    """What the page says of an instruction."""
    return DOCS.split(f"## {mnemonic}\n")[1].split("\n## ")[0]


def stated(text: str) -> tuple[str, int]:
    """The formula and the figure of a section."""
    found = re.search(r"^Cost: `([^`]+)`; (\d+) on lpu-4nm", text, re.MULTILINE)
    assert found is not None
    return found[1], int(found[2])


def names(cls: type[Inst], extents: tuple[int, ...], target: Target) -> dict[str, Any]:
    """What a formula may name, as the section on costs says it."""
    inst, *_ = sample(cls, (1, 1, 1, 1))
    known: dict[str, Any] = {f.name: getattr(target, f.name) for f in fields(Target)}
    known |= {f"e{axis}": extent for axis, extent in enumerate(extents)}
    known |= {"ceil": ceil, "max": max, "min": min, "bits": int.bit_length}
    known["link_bytes_per_cycle"] = target.link_bytes_per_cycle
    if isinstance(inst, NetInst | TransferInst):
        known["size"] = inst.operand(inst.HBM or inst.viewed()[0]).type.itemsize
    if isinstance(inst, VectorInst):
        known |= _rows(inst, extents, known)
    if isinstance(inst, Vecmat):
        known |= {"size": inst.x.type.itemsize}
        known |= {key: eval(FORMULAS[key], known) for key in ("tile", "pieces")}
        known["spill"] = eval(FORMULAS["spill"], known)
    if isinstance(inst, TransferInst):
        known |= _request(inst, extents, known, target)
    return known


def _rows(inst: VectorInst, extents: tuple[int, ...], known: dict[str, Any]) -> dict[str, Any]:
    """Rows of dense operands: all is one row, but where some operand has one element of each."""
    is_apart = isinstance(inst, Reduce | Scan | TopK) and (extents[3] > 1 or isinstance(inst, TopK))
    rows = prod(extents[:3]) if is_apart else 1
    found = {"rows": rows, "row": prod(extents) // max(1, rows) if is_apart else prod(extents)}
    found["reads"] = sum(inst.direction(name)[0] for name in inst.viewed())
    found["k"] = 1 if isinstance(inst, TopK) else 0
    return found | {key: eval(FORMULAS[key], known | found) for key in ("lanes", "passes")}


def _request(
    inst: TransferInst, extents: tuple[int, ...], known: dict[str, Any], target: Target
) -> dict[str, Any]:
    """What a request of HBM takes, by the formulas of the page."""
    is_indexed, count = isinstance(inst, IndexedInst), prod(extents)
    pieces, run = (count, known["size"]) if is_indexed else (1, count * known["size"])
    request = {"pieces": pieces, "run": run}
    request["bursts"] = eval(FORMULAS["bursts"], known | request)
    request["clocks"] = eval(FORMULAS["clocks"], known | request)
    if is_indexed:
        stripe = target.hbm_bank_groups * target.hbm_row_bytes * target.hbm_channels
        rows = [n * stripe for n in range(pieces)]
        into = isinstance(inst, Scatter)
        request["clocks"] = clocks(() if into else rows, rows if into else (), target)
    of = rates(target)
    return request | {"units": of.units, "beat": of.beat}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("mnemonic", ISA)
def test_the_stated_formula_is_what_is_charged(mnemonic: str, target: Target):
    cls = ISA[mnemonic]
    formula, _ = stated(section(mnemonic))
    for extents in EXTENTS:
        if cls in (Stream, Vecmat):
            extents = (extents[0], 1, *extents[2:])
        inst, registers, before = sample(cls, extents)
        is_void = issubclass(cls, TransferInst) and not prod(extents)
        expected = 0 if is_void else eval(formula, names(cls, extents, target))
        assert charged(inst, registers, target, before) == expected, extents


@pytest.mark.parametrize("mnemonic", ISA)
def test_the_stated_figure_is_that_of_the_target(mnemonic: str):
    """The entries of the table give it, too."""
    cls = ISA[mnemonic]
    formula, figure = stated(section(mnemonic))
    extents = (1, 1, 64, 2048) if cls in (Stream, Vecmat) else (1, 1, 1, 2048)
    assert eval(formula, names(cls, extents, TARGETS[0])) == figure
    assert ("for extents" in section(mnemonic)) == issubclass(cls, DataInst)


def test_the_table_of_entries_is_that_of_the_target():
    rows = dict(re.findall(r"^\| (\w+) \| ([\d.e+]+) \|$", section("Costs"), re.MULTILINE))
    known = names(Stream, (1, 1, 1, 1), TARGETS[0])
    used = {name for cls in ISA for name in re.findall(r"[a-z]\w+", stated(section(cls))[0])}
    computed = {"ceil", "max", "bits", "size", "e0", "e1", "e2", "e3", "row", "rows"}
    computed |= FORMULAS.keys()
    assert used - computed <= rows.keys()
    for name, value in rows.items():
        np.testing.assert_allclose(float(value), float(known[name]), rtol=1e-5, err_msg=name)


def test_a_scatter_that_adds_goes_both_ways():
    """Twice the bursts, and the bus turns between."""
    _, registers, _ = sample(Scatter, (1, 1, 1, 2048))
    one, two = (
        charged(Scatter(fn, *_operands()), registers, TARGETS[0]) - TARGETS[0].hbm_latency
        for fn in ("set", "add")
    )
    turn = TARGETS[0].hbm_nrtw * TARGETS[0].hbm_tck_ns * 1e-9 * TARGETS[0].clock_hz
    assert one < two <= 2 * one + turn * 1.1


def _operands() -> list[Any]:
    inst, *_ = sample(Scatter, (1, 1, 1, 1))
    return [getattr(inst, field.name) for field in Scatter.LAYOUT[1:]]


def test_a_cost_that_changes_is_stated_anew(monkeypatch: pytest.MonkeyPatch):
    """The page follows the code that charges."""
    before = page()
    monkeypatch.setattr(Reduce, "latency", lambda self, target: target.vector_latency)
    assert page() != before
    assert "vector_latency" in stated(page().split("## reduce\n")[1].split("\n## ")[0])[0]
