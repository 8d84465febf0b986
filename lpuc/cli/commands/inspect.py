"""`lpuc inspect`: what a model or a program holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpuc.cli.options import (
    FILE,
    about,
    check_option,
    command,
    compile_options,
    fuel_option,
    json_option,
    weights_options,
)
from lpuc.cli.output import show
from lpuc.compiler.options import CompileOptions

if TYPE_CHECKING:
    from runtime.weights.image import Check


@command
@click.argument("file", type=FILE)
@check_option
@json_option
@fuel_option
@compile_options
@weights_options
def inspect(
    file: Path, check: Check, as_json: bool, fuel: int | None, options: CompileOptions
) -> None:
    """Show what is in FILE, a model or a program, and whether a model compiles with the options."""
    from lpuc.reports.data import as_json as to_json
    from lpuc.reports.inspection import inspected

    about(file)
    report = inspected(file, options, check, fuel)
    show(to_json(report.as_dict()) if as_json else report.text(file))
