"""`lpuc passes`: the passes, from their own docstrings."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

import click

from lpuc.cli.options import command

if TYPE_CHECKING:
    from xdsl.passes import ModulePass


@command
@click.argument("names", nargs=-1)
def passes(names: tuple[str, ...]) -> None:
    """List the passes; with NAMES, their full documentation."""
    from dialects.spelling import did_you_mean
    from passes import PASSES

    for name in names:
        if name not in PASSES:
            hint = did_you_mean(name, PASSES, "`lpuc passes` lists them")
            raise click.UsageError(f"no pass '{name}'; {hint}")
    if names:
        click.echo("\n\n".join(_full(PASSES[name]()) for name in names))
        return
    width = max((len(name) for name in PASSES), default=0)
    for name, factory in PASSES.items():
        click.echo(f"{name:{width}}  {document(factory()).partition('.')[0]}")


def document(cls: type[ModulePass]) -> str:
    """The docstring of a pass: that of its file."""
    return inspect.cleandoc(sys.modules[cls.__module__].__doc__ or "")


def _full(cls: type[ModulePass]) -> str:
    from xdsl.passes import get_pass_option_infos

    lines = [cls.name, "=" * len(cls.name), "", document(cls)]
    options = get_pass_option_infos(cls)
    if options:
        lines += ["", "Options:"]
        lines += [f"  {o.name}: {o.expected_type} = {o.default_value}" for o in options]
    return "\n".join(lines)
