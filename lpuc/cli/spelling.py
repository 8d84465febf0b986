"""Options as MLIR and LLVM spell them: `-print-ir-after-all`, `--mlir-print-ir-after-all`."""

from __future__ import annotations

from collections.abc import Collection

import click

MLIR = "mlir-"
OTHERS = {
    "pass-pipeline": "pipeline",
    "mlir-timing": "time-passes",
    "mlir-pass-pipeline-crash-reproducer": "reproducer",
}
"""What is called otherwise here."""


class Spelled(click.Command):
    """A command that takes its own options by MLIR's names, too, and with one dash."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = [p for p in self.params if isinstance(p, click.Option)]
        known = {name for option in options for name in option.opts if name.startswith("--")}
        ends = args.index("--") if "--" in args else len(args)
        own = [_own(argument, known) for argument in args[:ends]]
        return super().parse_args(ctx, own + args[ends:])


def _own(argument: str, known: Collection[str]) -> str:
    """An argument as it is spelled here; one that is no option of the command is left alone."""
    spelled, is_assigned, value = argument.partition("=")
    name = spelled.lstrip("-")
    if spelled in known or len(name) < 2 or spelled not in (f"-{name}", f"--{name}"):
        return argument
    for meant in (name, OTHERS.get(name), name.removeprefix(MLIR)):
        if f"--{meant}" in known:
            return f"--{meant}{is_assigned}{value}"
    return argument
