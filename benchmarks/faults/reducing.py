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
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.faults.command import prepared
from benchmarks.faults.mutation import Fault
from benchmarks.faults.planting import Stock
from benchmarks.faults.processes import Steps, Work, run_all
from benchmarks.faults.settings import SETTINGS, Setting
from benchmarks.faults.working import options_of

Record = dict[str, Any]
LIMIT_SECONDS = 600.0
"""Of the time of a process."""
TRIES = 4000
SECONDS = 20.0
MEDIAN, MOST = 12, 40
"""What is to be reached: at most so many in half of the cases, and in nine of ten."""


def setting_of(record: Record) -> Setting:
    """On what a fault shows."""
    return next(one for one in SETTINGS if one.name == record["setting"])


def reduced(stock: Stock, record: Record) -> Iterator[Record]:
    """Plant the fault of a record and reduce what it breaks; what is known is told at once."""
    from lpuc.diagnosis.reduction.subjects import Limits, of_lowered, of_model
    from lpuc.errors import UserError

    setting = setting_of(record)
    stock.plant(Fault.of(record))
    options, limits, began = options_of(setting), Limits(TRIES, SECONDS), time.perf_counter()
    try:
        subject = of_model(setting.model, options, limits)
    except UserError as error:
        yield {"seen": False, "detail": str(error)}
        return
    yield {"seen": True, "failure": str(subject.failure)[:200], "before": subject.before}
    subject.run()
    seconds = round(time.perf_counter() - began, 1)
    found = subject.search
    yield {"nodes": found.best.nodes, "tries": found.tries, "reduced": seconds}
    try:
        with of_lowered(subject, options, limits) as (lower, _):
            lower.run()
            yield {"operations": lower.size(lower.search.best)}
    except UserError:
        return


def _line(record: Record, found: Record) -> str:
    name = f"{record['area']} {record['file']}:{record['line']} on {record['setting']}"
    if not found.get("seen"):
        return f"{name}: {record['show']}; not seen {_ended(found)}"
    left = f"{found.get('before')} nodes -> {found.get('nodes')}, {found.get('operations')} op."
    took = f"{found.get('tries')} tries, {found.get('reduced')} s"
    return f"{name}: {left} ({took}): {found['failure']} {_ended(found)}"


def _ended(found: Record) -> str:
    """Why nothing more is known, if a process did not come to its end."""
    return f"[{found.get('died') or found['ended']}]" if found["ended"] else ""


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
    arguments = parser.parse_args(argv)
    lines = (arguments.folder / "shows.jsonl").read_text(encoding="utf-8").splitlines()
    records = [record for record in map(json.loads, lines) if record["show"]]
    records = records[:: max(1, len(records) // (arguments.count or len(records)))]
    chosen = {setting_of(record).name for record in records}
    stock = prepared(arguments.folder.resolve(), [s for s in SETTINGS if s.name in chosen])
    seen: list[Record] = []

    def asked(record: Record) -> Steps:
        found = yield Work(lambda: reduced(stock, record), LIMIT_SECONDS)
        print(_line(record, found), flush=True)
        seen.extend([found] if found.get("seen") else [])

    run_all(map(asked, records), arguments.jobs)
    print(f"{len(records)} faults, {len(seen)} seen")
    print(_share("nodes", [found["nodes"] for found in seen if "nodes" in found]))
    print(_share("operations", [f["operations"] for f in seen if "operations" in f]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
