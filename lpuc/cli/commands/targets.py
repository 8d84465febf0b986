"""`lpuc targets`: the machines that come with lpuc, every number with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lpuc.cli.options import command, json_option
from lpuc.cli.output import show

if TYPE_CHECKING:
    from runtime.target import Target


@command
@click.argument("names", nargs=-1)
@json_option
def targets(names: tuple[str, ...], as_json: bool) -> None:
    """List the machines; NAMES, or files that end in .toml, in full."""
    from dialects.spelling import did_you_mean
    from lpuc.reports.data import as_json as to_json
    from runtime.target import Target

    for name in names:
        if not name.endswith(".toml") and name not in Target.presets():
            hint = did_you_mean(name, Target.presets(), "`lpuc targets` lists them")
            raise click.UsageError(f"no target '{name}'; {hint}")
    found = [Target.load(name) for name in names or Target.presets()]
    if as_json:
        show(to_json([{"name": t.name, "entries": t.to_json()} for t in found]))
        return
    for target in found:
        show(_full(target) if names else _line(target))


def _line(target: Target) -> str:
    return (
        f"{target.name:16}{target.mac_trees} MAC trees x {target.vector_lanes} lanes, "
        f"{target.hbm_bandwidth / 1e9:.0f} GB/s, {target.lmu_bytes >> 10} KiB on the chip"
    )


def _full(target: Target) -> str:
    rows = (
        f"  {key:18}{entry.value!s:>14} {entry.unit:10} {entry.grade}: {entry.source}"
        for key, entry in target.entries.items()
    )
    return "\n".join([target.name, *rows])
