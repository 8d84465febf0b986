"""`lpuc ops`: the operations of every dialect, from their own docstrings."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import click

from lpuc.cli.options import command

if TYPE_CHECKING:
    from xdsl.ir import Operation


@command
@click.argument("names", nargs=-1)
def ops(names: tuple[str, ...]) -> None:
    """List the operations of all dialects; NAMES are dialects or single operations."""
    from dialects import DIALECTS
    from dialects.spelling import did_you_mean

    known = {op.name: op for factory in DIALECTS.values() for op in factory().operations}
    for name in names:
        if name in known:
            click.echo(f"{name}\n\n{document(known[name])}\n")
        elif name in DIALECTS:
            _table({n: op for n, op in known.items() if n.startswith(f"{name}.")})
        else:
            hint = did_you_mean(name, [*known, *DIALECTS], "`lpuc ops` lists them")
            raise click.UsageError(f"no dialect or operation '{name}'; {hint}")
    if not names:
        _table(known)


def document(cls: type[Operation]) -> str:
    """The docstring of an operation class, its own and not inherited."""
    return inspect.cleandoc(cls.__dict__.get("__doc__") or "")


def _table(known: dict[str, type[Operation]]) -> None:
    width = max((len(name) for name in known), default=0)
    for name, cls in known.items():
        click.echo(f"{name:{width}}  {document(cls).partition(chr(10))[0]}".rstrip())
