"""The options that show what passes do: printing, dumping, timing, verifying."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, TypeVar

import click

from lpuc.cli.options import FILE, chain
from lpuc.compiler.instrument import Prints, Watch
from lpuc.compiler.watching.eliding import DEFAULT

F = TypeVar("F", bound=Callable[..., Any])

_WATCHED = (
    "print_ir_before", "print_ir_after", "print_ir_before_all", "print_ir_after_all",
    "print_ir_after_change", "print_ir_after_failure", "print_ir_filter",
    "elide_elementsattrs_if_larger", "dump_ir", "time_passes", "verify_each", "check_numerics",
    "pass_statistics", "debug_only", "reproducer",
)  # fmt: skip

CHECKED_OBJECTS = 1 << 21
"""Objects made between two searches for garbage where the numbers of passes are judged."""


def watch_options(function: F) -> F:
    """Printing, dumping, timing, verifying; the command receives them as `watch`."""

    @wraps(function)
    def wrapped(*args: Any, **given: Any) -> Any:
        chosen = {name: given.pop(name) for name in _WATCHED}
        if chosen["check_numerics"]:  # what is judged keeps what is computed: little is garbage
            gc.set_threshold(CHECKED_OBJECTS, *gc.get_threshold()[1:])
        return function(*args, watch=_watch(chosen), **given)

    return chain((*_printing(), *_watching()), wrapped)


def _printing() -> tuple[Callable[[Any], Any], ...]:
    return (
        click.option("--print-ir-before", multiple=True, metavar="PASS", callback=_passes,
                     help="Print the IR before a pass, to stderr (repeatable; also P1,P2)."),
        click.option("--print-ir-after", multiple=True, metavar="PASS", callback=_passes,
                     help="Print the IR after a pass."),
        click.option("--print-ir-before-all", is_flag=True, help="Print the IR before each pass."),
        click.option("--print-ir-after-all", is_flag=True, help="Print the IR after each pass."),
        click.option("--print-ir-after-change", is_flag=True,
                     help="Print the IR after each pass that changed it."),
        click.option("--print-ir-after-failure", is_flag=True,
                     help="Print what a pass that failed has left of the IR."),
        click.option("--print-ir-filter", metavar="NODE",
                     help="Print only what comes from an ONNX node; '*' in its name stands for"
                     " anything. By itself: after each pass that changed the IR."),
        click.option("--elide-elementsattrs-if-larger", type=click.IntRange(min=0), metavar="N",
                     default=DEFAULT, show_default=True,
                     help="Cut lists and constants of more elements short where IR is printed."),
    )  # fmt: skip


def _watching() -> tuple[Callable[[Any], Any], ...]:
    return (
        click.option("--dump-ir", type=FILE, metavar="DIR",
                     help="Write NN-pass.mlir for each pass that changed the IR, and index.json."),
        click.option("--time-passes", is_flag=True, help="Print how long each pass took."),
        click.option("--verify-each", is_flag=True, help="Verify the IR after each pass."),
        click.option("--check-numerics", is_flag=True,
                     help="Run the IR before and behind each pass, and refuse numbers that depart"
                     " by more than the pass may change them."),
        click.option("--pass-statistics", is_flag=True,
                     help="Print how many operations each pass inserted, erased, moved, changed,"
                     " how many values it replaced, and the operations by dialect."),
        click.option("--debug-only", multiple=True, metavar="AREA", callback=_areas,
                     help="Print what passes do and leave, and why (repeatable; also A1,A2):"
                     " raising, rolling, merging, partition, hoisting."),
        click.option("--reproducer", type=FILE, metavar="FILE",
                     help="Where a bug is written to be run again."
                     "  [default: lpuc-reproducer.mlir, if that is free]"),
    )  # fmt: skip


def _watch(chosen: dict[str, Any]) -> Watch:
    node = chosen["print_ir_filter"]
    printed = ("before", "after", "before_all", "after_all", "after_change", "after_failure")
    asked = {name: chosen[f"print_ir_{name}"] for name in printed}
    if node is not None and not any(asked.values()):
        asked["after_change"] = True
    return Watch(
        prints=Prints(**asked, node=node, larger=chosen["elide_elementsattrs_if_larger"]),
        dump_dir=chosen["dump_ir"],
        time_passes=chosen["time_passes"],
        verify_each=chosen["verify_each"],
        check_numerics=chosen["check_numerics"],
        statistics=chosen["pass_statistics"],
        areas=chosen["debug_only"],
        reproducer=chosen["reproducer"],
    )


def _passes(
    _ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> frozenset[str]:
    if not values:
        return frozenset()
    from lpuc.compiler.pipeline import available_passes

    return _known(values, available_passes(), "pass", "`lpuc passes` lists them")


def _areas(
    _ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> frozenset[str]:
    if not values:
        return frozenset()
    from passes.rewriting.remarks import AREAS

    return _known(values, AREAS, "area", f"there are {', '.join(AREAS)}")


def _known(
    values: tuple[str, ...], known: Collection[str], kind: str, otherwise: str
) -> frozenset[str]:
    """The names of lists that commas separate; usage errors for what does not exist."""
    from dialects.spelling import did_you_mean

    names = [name for value in values for name in value.split(",")]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, otherwise)
            raise click.UsageError(f"no {kind} '{name}'; {hint}")
    return frozenset(names)
