"""`lpuc targets`: the machines that come with lpuc, every number with its source."""

from __future__ import annotations

import click

from lpuc.cli.options import command


@command
@click.argument("names", nargs=-1)
def targets(names: tuple[str, ...]) -> None:
    """List the machines; NAMES, or files that end in .toml, in full."""
    from runtime.target import Target

    for name in names or Target.presets():
        target = Target.load(name)
        if not names:
            click.echo(
                f"{target.name:16}{target.mac_trees} MAC trees x {target.vector_lanes} lanes, "
                f"{target.hbm_bandwidth / 1e9:.0f} GB/s, {target.lmu_bytes >> 10} KiB on the chip"
            )
            continue
        click.echo(target.name)
        for key, entry in target.entries.items():
            click.echo(
                f"  {key:18}{entry.value!s:>14} {entry.unit:10} {entry.grade}: {entry.source}"
            )
