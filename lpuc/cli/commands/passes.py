"""`lpuc passes`: the passes, from their own docstrings and specifications."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

import click

from lpuc.cli.options import command, json_option
from lpuc.cli.output import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xdsl.passes import ModulePass


@command
@click.argument("names", nargs=-1)
@json_option
def passes(names: tuple[str, ...], as_json: bool) -> None:
    """
    List the passes, the level each works on, and what it does to numbers: it is exact,
    re-associates sums and products, or rounds. With NAMES, their full documentation.
    """
    from dialects.spelling import did_you_mean
    from lpuc.reports.data import as_json as to_json
    from passes import PASSES

    for name in names:
        if name not in PASSES:
            hint = did_you_mean(name, PASSES, "`lpuc passes` lists them")
            raise click.UsageError(f"no pass '{name}'; {hint}")
    classes = [PASSES[name]() for name in names or PASSES]
    if as_json:
        show(to_json([record(cls) for cls in classes]))
    elif names:
        show("\n\n".join(_full(cls) for cls in classes))
    else:
        rows = [(str(r["name"]), str(r["level"]), str(r["numbers"])) for r in map(record, classes)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row, cls in zip(rows, classes, strict=True):
            cells = "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
            show(f"{cells}  {document(cls).partition('.')[0]}")


def document(cls: type[ModulePass]) -> str:
    """The docstring of a pass: that of its file."""
    return inspect.cleandoc(sys.modules[cls.__module__].__doc__ or "")


def record(cls: type[ModulePass]) -> Mapping[str, Any]:
    """What a pass says of itself, as data."""
    from passes.specification import specification_of

    spec = specification_of(cls)
    assert spec is not None, f"{cls.name} says nothing of itself"
    return {
        "name": cls.name,
        "level": spec.level or "any",
        "to": spec.to or spec.level or "any",
        "needs": dict(spec.needs),
        "after": dict(spec.after),
        "gives": list(spec.gives),
        "spoils": list(spec.spoils),
        "numbers": spec.numbers.change,
        "bound": spec.numbers.bound,
        "document": document(cls),
    }


def _full(cls: type[ModulePass]) -> str:
    from xdsl.passes import get_pass_option_infos

    from passes.specification import FACTS

    spec = record(cls)
    lines = [cls.name, "=" * len(cls.name), "", document(cls), ""]
    where = str(spec["level"]) + (f" to {spec['to']}" if spec["to"] != spec["level"] else "")
    lines.append(f"Level: {where}")
    lines.append(f"Numbers: {spec['numbers']}" + (f", {spec['bound']}" if spec["bound"] else ""))
    for title in ("needs", "after"):
        lines += [f"{title.capitalize()}: {FACTS[f][1]} ({why})" for f, why in spec[title].items()]
    for title in ("gives", "spoils"):
        lines += [f"{title.capitalize()}: {FACTS[fact][1]}" for fact in spec[title]]
    options = get_pass_option_infos(cls)
    if options:
        lines += ["", "Options:"]
        types = [o.expected_type.strip("'") for o in options]
        pairs = zip(options, types, strict=True)
        lines += [f"  {o.name}: {kind} = {o.default_value}" for o, kind in pairs]
    return "\n".join(lines)
