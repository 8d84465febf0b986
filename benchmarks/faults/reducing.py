"""
How small `lpuc reduce` makes what planted faults break.

    python -m benchmarks.faults --seed 0 --jobs 2                # which faults can show
    python -m benchmarks.faults.reducing --folder faults --jobs 2

Each fault that shows is planted in a process of its own. The model that it breaks is reduced, and
if a pass is at fault, the IR that the pass is given, too. Figures are nodes and operations that are
left; a fault that the reducer does not see on the few calls that it makes is counted apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.faults.mutation import Fault
from benchmarks.faults.planting import ROOT, Stock
from benchmarks.faults.settings import SETTINGS
from benchmarks.faults.working import options_of, warm

Record = dict[str, Any]
LIMIT_SECONDS = 600.0
TRIES = 2000
SECONDS = 20.0
MEDIAN, MOST = 12, 40
"""What is to be reached: at most so many in half of the cases, and in nine of ten."""


def reduced(record: Record) -> Record:
    """Plant the fault of a record and reduce what it breaks; in a process of its own."""
    from lpuc.diagnosis.reduction.subjects import Limits, of_lowered, of_model
    from lpuc.errors import UserError

    setting = next(one for one in SETTINGS if one.name == record["setting"])
    with TemporaryDirectory() as folder, chdir(folder):
        warm([setting])
    Stock().plant(Fault.of(record))
    options, limits, began = options_of(setting), Limits(TRIES, SECONDS), time.perf_counter()
    try:
        subject = of_model(setting.model, options, limits)
    except UserError as error:
        return {"seen": False, "detail": str(error)}
    subject.run()
    found: Record = {"seen": True, "failure": str(subject.failure)[:200], "before": subject.before}
    found |= {"nodes": subject.search.best.nodes, "tries": subject.search.tries}
    found["seconds"] = round(time.perf_counter() - began, 1)
    try:
        with of_lowered(subject, options, limits) as (lower, _):
            lower.run()
            found["operations"] = lower.size(lower.search.best)
    except UserError:
        pass
    return found


def asked(record: Record) -> Record:
    """The same, as another process says."""
    words = [sys.executable, "-m", "benchmarks.faults.reducing", "--one", json.dumps(record)]
    try:
        done = subprocess.run(
            words, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return {"seen": True, "failure": "not reduced in time"}
    if done.returncode:
        return {"seen": True, "failure": done.stderr.strip().rpartition("\n")[2][:300]}
    return json.loads(done.stdout.rpartition("\n{")[2].join(["{", ""]))


def _line(record: Record, found: Record) -> str:
    name = f"{record['area']} {record['file']}:{record['line']} on {record['setting']}"
    if not found["seen"]:
        return f"{name}: {record['show']}; not seen"
    left = f"{found.get('before')} nodes -> {found.get('nodes')}, {found.get('operations')} op."
    return (
        f"{name}: {left} ({found.get('tries')} tries, {found.get('seconds')} s): {found['failure']}"
    )


def _share(name: str, sizes: Sequence[int]) -> str:
    if not sizes:
        return f"{name}: none"
    within = sum(size <= MOST for size in sizes) / len(sizes)
    return f"{name}: median {median(sizes):g} (at most {MEDIAN}), {within:.0%} at most {MOST}"


def main(argv: Sequence[str] | None = None) -> int:
    """Reduce what the faults of a folder break; print each, and how small they became."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults.reducing")
    parser.add_argument("--folder", type=Path, default=Path("faults"))
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--count", type=int, help="so many faults, spread over all")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.one:
        print("\n" + json.dumps(reduced(json.loads(arguments.one))))
        return 0
    lines = (arguments.folder / "shows.jsonl").read_text(encoding="utf-8").splitlines()
    records = [record for record in map(json.loads, lines) if record["show"]]
    records = records[:: max(1, len(records) // (arguments.count or len(records)))]
    seen: list[Record] = []
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for record, found in zip(records, pool.map(asked, records), strict=True):
            print(_line(record, found), flush=True)
            seen += [found] if found["seen"] else []
    print(f"{len(records)} faults, {len(seen)} seen")
    print(_share("nodes", [found["nodes"] for found in seen if "nodes" in found]))
    print(_share("operations", [f["operations"] for f in seen if "operations" in f]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
