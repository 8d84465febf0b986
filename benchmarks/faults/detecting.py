"""
What the project's own diagnosis says about a fault: the seam between it and this benchmark.

`verified` is the table of `lpuc verify`, whose first column that is off names a level; `bisect` is
that of `lpuc bisect`, which names pass, operation and nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.faults.mutation import Fault
from benchmarks.faults.planting import Stock
from benchmarks.faults.settings import Setting
from benchmarks.faults.working import options_of

LIMIT_SECONDS = 60.0
News = dict[str, Any]


def detectors() -> dict[str, Any]:
    """Those that there are."""
    return {"verified": _verified, "bisect": _bisected}


def named(stock: Stock, setting: Setting, fault: Fault | None, detector: str) -> Iterator[News]:
    """What the diagnosis of a setting with a fault names; `where` is empty if it is nothing."""
    if fault is not None:
        stock.plant(fault)
    yield {"where": "", "detector": detector}
    yield detectors()[detector](setting)


def _bisected(setting: Setting) -> News:
    from lpuc.diagnosis.bisection import bisect

    found = bisect(setting.model, options_of(setting))
    failure = found.failure
    if failure is None:
        return {}
    return {
        "case": found.case,
        "where": failure.where,
        "operation": failure.operation,
        "nodes": list(failure.nodes),
        "kind": failure.kind,
        "message": failure.message[:300],
    }


def _verified(setting: Setting) -> News:
    from dialects.errors import CompileError
    from lpuc.compiler.instrument import Instrumentation
    from lpuc.errors import InternalError
    from lpuc.verification.verified import verified

    watching = Instrumentation(reproducer=Path("reproducer.mlir"))
    try:
        found = verified(setting.model, options_of(setting), None, 0, watching)
    except InternalError as error:
        text = str(error)
        where = text.split("'")[1] if text.startswith("pass '") else text.partition(":")[0]
        return {"where": where, "kind": "crash", "message": text[:300]}
    except CompileError as error:
        return {"where": "compile", "kind": "refusal", "message": str(error)[:300]}
    except Exception as error:
        return {"where": "?", "kind": "crash", "message": f"{type(error).__name__}: {error}"[:300]}
    off = {level for _, level in found.mismatches}
    order = [level for row in found.table.values() for level in row if level in off]
    return {"where": f"level {order[0]}", "kind": "numbers"} if order else {}
