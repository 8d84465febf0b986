"""
Which ONNX operators compile, from their records: for `lpuc ops onnx`, and as a page.

`python -m lpuc.reports.operators > docs/operators.md` writes the page; a test says when it is old.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

COMPILES, LIMITED, REFUSED = "compiles", "with limits", "refused"
EXPANDS = "by expansion"
"""Read as the nodes that the standard says it stands for; their limits are its own."""


@dataclass(frozen=True)
class Row:
    """What becomes of an operator; `opsets` are those that changed it, the oldest first."""

    domain: str
    name: str
    opsets: tuple[int, ...]
    status: str
    limits: tuple[str, ...]


def rows() -> Iterator[Row]:
    """Every operator of the domains that are known, sorted."""
    from dialects.onnx.schemas import DOMAINS, operators, versions

    for domain in DOMAINS:
        for name in operators(domain):
            status, limits = _status(domain, name)
            yield Row(domain or "ai.onnx", name, versions(domain, name), status, limits)


def _status(domain: str, name: str) -> tuple[str, tuple[str, ...]]:
    """What becomes of an operator, and its limits."""
    from lpuc.reports.expansions import HELD, needed_of
    from passes.onnx.operators import record_at

    record = record_at(domain, name)
    if not domain and name in HELD:
        return LIMITED, HELD[name]
    if record is not None:
        limits = tuple(limit.words for limit in record.limits)
        return LIMITED if limits else COMPILES, limits
    needed = needed_of(domain, name)
    return (
        (EXPANDS, tuple(_expanded(domain, name))) if needed == [] else (REFUSED, _lacking(needed))
    )


def _expanded(domain: str, name: str) -> Iterator[str]:
    """The limits of what is read as other nodes."""
    from dialects.onnx.schemas import versions
    from lpuc.reports.expansions import body_of, first_opset

    yield f"what {_listed(body_of(domain, name))} refuse"
    if (first := first_opset(domain, name)) > versions(domain, name)[0]:
        yield f"opset {first - 1} and older"


def _listed(parts: Sequence[str] | None) -> str:
    return ", ".join(parts or ())


def _lacking(parts: Sequence[str] | None) -> tuple[str, ...]:
    return (f"it stands for {_listed(parts)}",) if parts else ()


def page() -> str:
    """The page in markdown."""
    found = list(rows())
    lines = [
        "# ONNX operators",
        "",
        "From the records in `passes/onnx/operators`, by `python -m lpuc.reports.operators`. A",
        "record holds for every opset that has the operator. What a limit names is refused with",
        "the node. What has no record may be *expanded*: read as the nodes that the standard says",
        "it stands for, which have theirs.",
        "",
        "| operator | opsets | limits: refused is |",
        "|---|---|---|",
    ]
    for row in found:
        if row.status != REFUSED:
            name = row.name if row.domain == "ai.onnx" else f"{row.domain}.{row.name}"
            opsets = ", ".join(map(str, row.opsets))
            words = "; ".join(row.limits)
            expanded = "*expanded*: " if row.status == EXPANDS else ""
            lines.append(f"| {name} | {opsets} | {expanded}{words} |")
    missing = ", ".join(row.name for row in found if row.status == REFUSED)
    lines += ["", "Refused as a whole:", "", missing]
    return "\n".join(lines)


if __name__ == "__main__":
    print(page())
