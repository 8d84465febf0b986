"""
Which ONNX operators compile, from their records: for `lpuc ops onnx`, and as a page.

`python -m lpuc.reports.operators > docs/operators.md` writes the page; a test says when it is old.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

COMPILES, LIMITED, REFUSED = "compiles", "with limits", "refused"


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
    from passes.onnx.operators import OPERATORS

    for domain in DOMAINS:
        for name in operators(domain):
            record = OPERATORS.get((domain, name))
            limits = () if record is None else tuple(limit.words for limit in record.limits)
            status = REFUSED if record is None else LIMITED if limits else COMPILES
            yield Row(domain or "ai.onnx", name, versions(domain, name), status, limits)


def page() -> str:
    """The page in markdown."""
    found = list(rows())
    lines = [
        "# ONNX operators",
        "",
        "From the records in `passes/onnx/operators`, by `python -m lpuc.reports.operators`. A",
        "record holds for every opset that has the operator. What a limit names is refused with",
        "the node.",
        "",
        "| operator | opsets | limits: refused is |",
        "|---|---|---|",
    ]
    for row in found:
        if row.status != REFUSED:
            name = row.name if row.domain == "ai.onnx" else f"{row.domain}.{row.name}"
            opsets = ", ".join(map(str, row.opsets))
            lines.append(f"| {name} | {opsets} | {'; '.join(row.limits)} |")
    missing = ", ".join(row.name for row in found if row.status == REFUSED)
    lines += ["", "Refused as a whole:", "", missing]
    return "\n".join(lines)


if __name__ == "__main__":
    print(page())
