"""`lpuc targets`: the machines that come with lpuc, every number with its source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from lpuc.cli.options import command, json_option
from lpuc.cli.output import show
from lpuc.errors import MISMATCH

if TYPE_CHECKING:
    from runtime.target import Target

ACTIONS = ("show", "diff", "check")


@command
@click.argument("words", nargs=-1, metavar="[show|diff|check] [NAME|FILE.toml]...")
@json_option
def targets(words: tuple[str, ...], as_json: bool) -> int:
    """
    List the machines; or show some in full, compare two, or check what does not go together.

    A machine is a name of the list or a file that ends in .toml. `check` ends with exit code 3
    where entries contradict each other; what is merely odd it says.
    """
    action, *names = (
        words if words and words[0] in ACTIONS else ("show" if words else "list", *words)
    )
    if action == "diff" and len(names) != 2:
        raise click.UsageError(f"diff takes two machines, not {len(names)}")
    if action in ("show", "check") and not names:
        raise click.UsageError(f"{action} takes the names of machines; `lpuc targets` lists them")
    found = _loaded(names)
    if action == "diff":
        return _diff(found[0], found[1], as_json)
    if action == "check":
        return _check(found, as_json)
    _show(found, action == "list", as_json)
    return 0


def _loaded(names: Sequence[str]) -> list[Target]:
    """The machines of some names, all of them for none."""
    from dialects.spelling import did_you_mean
    from runtime.target import Target

    for name in names:
        if not name.endswith(".toml") and name not in Target.presets():
            hint = did_you_mean(name, Target.presets(), "`lpuc targets` lists them")
            raise click.UsageError(f"no target '{name}'; {hint}")
    return [Target.load(name) for name in names or Target.presets()]


def _show(found: Sequence[Target], is_short: bool, as_json: bool) -> None:
    from lpuc.reports.data import as_json as to_json

    if as_json:
        show(to_json([{"name": t.name, "entries": t.to_json()} for t in found]))
        return
    for target in found:
        show(_line(target) if is_short else _full(target))


def _diff(first: Target, second: Target, as_json: bool) -> int:
    from lpuc.reports.data import as_json as to_json
    from lpuc.reports.machines import differences

    found = differences(first, second)
    if as_json:
        show(to_json({"first": first.name, "second": second.name, "differences": found}))
        return 0
    show(f"{'':20}{first.name:>18}{second.name:>18}")
    for one in found:
        show(f"{one.key:20}{one.first!s:>18}{one.second!s:>18}  {one.unit}")
    return 0


def _check(found: Sequence[Target], as_json: bool) -> int:
    from lpuc.reports.data import as_json as to_json
    from lpuc.reports.machines import findings

    odd = {target.name: findings(target) for target in found}
    if as_json:
        show(to_json(odd))
    else:
        for name, several in odd.items():
            show(name)
            for one in several:
                show(f"  {'contradiction' if one.contradicts else 'note':14}{one.key}: {one.text}")
    return MISMATCH if any(one.contradicts for each in odd.values() for one in each) else 0


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
