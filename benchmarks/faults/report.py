"""The table of a run: by area, how many faults were planted, can show, and are found rightly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.faults.verdict import (
    is_node_right,
    is_operation_right,
    is_place_right,
    places,
    subjects,
)

Record = dict[str, Any]
LONG = 60
"""In how many seconds an answer is to come."""
COLUMNS = ("planted", "can show", "found", "place", "op known", "op", "node known", "node")
FIELDS = (
    "area", "seed", "number", "setting", "file", "line", "kind", "before", "after", "function",
    "show", "phase", "apart", "detail", "first", "places", "subjects", "where", "operation",
    "nodes", "named_kind", "message", "place_right", "op_right", "node_right",
    "show_seconds", "named_seconds", "named_cpu",
)  # fmt: skip


def judged(shows: Record, named: Record | None, steps: Sequence[str]) -> Record:
    """One row: what became of a fault, and whether what was named is right."""
    row: Record = dict(shows)
    row["can_show"] = bool(shows["show"])
    row["places"] = sorted(places(shows, steps))
    row["show_seconds"] = shows["seconds"]
    row["found"] = False
    if named is None or not row["can_show"]:
        return row
    row["found"] = bool(named.get("where"))
    row |= {name: named.get(name) for name in ("where", "operation", "message")}
    row["nodes"] = named.get("nodes")
    row["named_kind"] = named.get("kind")
    row["named_seconds"], row["named_cpu"] = named["seconds"], named.get("cpu", named["seconds"])
    row["ended"] = named["ended"]
    row["place_right"] = row["found"] and is_place_right(named, shows, steps)
    row["subjects"] = sorted({name for name, _ in subjects(named, shows)})
    row["op_right"] = is_operation_right(named, shows) if row["place_right"] else None
    row["node_right"] = is_node_right(named, shows) if row["place_right"] else None
    return row


def _counts(rows: Sequence[Record]) -> Counter[str]:
    counts = Counter[str]()
    for row in rows:
        counts["planted"] += 1
        counts["can show"] += row["can_show"]
        counts["found"] += row["found"]
        counts["place"] += bool(row.get("place_right"))
        counts["op known"] += row.get("op_right") is not None
        counts["op"] += bool(row.get("op_right"))
        counts["node known"] += row.get("node_right") is not None
        counts["node"] += bool(row.get("node_right"))
    return counts


def table(rows: Sequence[Record]) -> str:
    """By area, and all of them."""
    names = [*dict.fromkeys(row["area"] for row in rows)]
    width = max(map(len, [*names, "all"]))
    lines = [f"{'area':{width}}  " + "  ".join(f"{column:>10}" for column in COLUMNS)]
    for name in (*names, "all"):
        counts = _counts([row for row in rows if name in (row["area"], "all")])
        lines.append(f"{name:{width}}  " + "  ".join(f"{counts[c]:10}" for c in COLUMNS))
    return "\n".join(lines)


def shares(rows: Sequence[Record]) -> str:
    """The figures that count, and how faults show."""
    counts = _counts(rows)
    shows = Counter(row["show"] for row in rows if row["can_show"])
    escaped = Counter(row["show"] for row in rows if row["can_show"] and not row["found"])
    return "\n".join(
        (
            f"found {_share(counts['found'], counts['can show'])} of those that can show; "
            f"right place {_share(counts['place'], counts['found'])} of those found; "
            f"right operation {_share(counts['op'], counts['op known'])} of those at the right "
            "place whose operation is known; "
            f"right node {_share(counts['node'], counts['node known'])}",
            f"they show as {_listed(shows)}; not found: {_listed(escaped)}",
            _times([row["named_cpu"] for row in rows if "named_cpu" in row]),
        )
    )


def _times(seconds: Sequence[float]) -> str:
    """What it takes to ask, in the time of a processor."""
    if not seconds:
        return "nothing was asked"
    most = sum(one > LONG for one in seconds)
    return f"asking takes {median(seconds):.1f} s in the middle, more than {LONG} s {most} times"


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} ({100 * part / whole:.0f} %)" if whole else "0/0"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {name}" for name, n in counts.most_common()) or "none"


def write_rows(path: Path, rows: Iterable[Record]) -> None:
    """All rows, fields separated by tabs."""
    lines = ["\t".join(FIELDS)]
    lines += ["\t".join(_field(row.get(name, "")) for name in FIELDS) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _field(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}"
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return " ".join(text.split())[:300]
