"""`lpuc ops`: the operations of every dialect, from their own docstrings."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import click

from lpuc.cli.options import command, json_option
from lpuc.cli.output import show

if TYPE_CHECKING:
    from xdsl.ir import Operation


@command
@click.argument("names", nargs=-1)
@json_option
def ops(names: tuple[str, ...], as_json: bool) -> None:
    """
    List the operations of all dialects; NAMES are dialects or single operations.

    `lpuc ops onnx` says of each ONNX operator whether it compiles, and with which limits.
    """
    from dialects import DIALECTS
    from dialects.spelling import did_you_mean
    from lpuc.reports.data import as_json as to_json

    if names == ("onnx",):
        _operators(as_json)
        return
    known = {op.name: op for factory in DIALECTS.values() for op in factory().operations}
    for name in names:
        if name not in known and name not in DIALECTS:
            hint = did_you_mean(name, [*known, *DIALECTS], "`lpuc ops` lists them")
            raise click.UsageError(f"no dialect or operation '{name}'; {hint}")
    chosen = [
        {n: op for n, op in known.items() if name in ("", n) or n.startswith(f"{name}.")}
        for name in names or [""]
    ]
    if as_json:
        rows = [{"name": n, "document": document(op)} for ops in chosen for n, op in ops.items()]
        show(to_json(rows))
        return
    for name, operations in zip(names or [""], chosen, strict=True):
        if name in known:
            show(f"{name}\n\n{document(known[name])}\n")
        else:
            _table(operations)


def _operators(as_json: bool) -> None:
    """Each ONNX operator and what becomes of it."""
    from lpuc.reports.data import as_json as to_json
    from lpuc.reports.operators import rows

    found = list(rows())
    if as_json:
        show(to_json(found))
        return
    for row in found:
        name = row.name if row.domain == "ai.onnx" else f"{row.domain}.{row.name}"
        limits = f"  not {'; '.join(row.limits)}" if row.limits else ""
        show(f"{name:50}  {row.status:11}{limits}".rstrip())


def document(cls: type[Operation]) -> str:
    """The docstring of an operation class, its own and not inherited."""
    return inspect.cleandoc(cls.__dict__.get("__doc__") or "")


def _table(known: dict[str, type[Operation]]) -> None:
    width = max((len(name) for name in known), default=0)
    for name, cls in known.items():
        show(f"{name:{width}}  {document(cls).partition(chr(10))[0]}".rstrip())
