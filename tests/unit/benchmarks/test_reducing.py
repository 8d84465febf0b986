"""What planted faults break is reduced in a process of its own, and counted."""

from __future__ import annotations

import gc
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.faults.mutation import faults_of
from benchmarks.faults.planting import ROOT
from benchmarks.faults.reducing import main
from passes.lpu.folding import constants

FILE = str(Path(constants.__file__).relative_to(ROOT))


def test_a_fault_is_planted_reduced_and_counted(tmp_path: Path, capsys: Any):
    """Also into what was read before objects were frozen, as when tests are collected."""
    gc.freeze()
    faults = faults_of(FILE, (ROOT / FILE).read_text(encoding="utf-8"))
    one = next(f for f in faults if (f.function, f.before.split()[0]) == ("unchanged", "kept"))
    of_area = {"area": "lpu-fold-constants", "number": 0, "change": one.number}
    record = {**asdict(one), **of_area, "setting": "gpt2", "show": "crash"}
    unseen = {**record, "show": ""}
    lines = "".join(json.dumps(row) + "\n" for row in (record, unseen))
    (tmp_path / "shows.jsonl").write_text(lines)
    assert main(["--folder", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"{FILE}:{one.line} on gpt2: 150 nodes -> " in out
    assert "1 faults, 1 seen" in out
    assert "operations: median 1 (at most 12), 100% at most 40" in out
