"""The passes that a user's text names, xDSL's and ours: `p1,p2{option=1}`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from lpuc.errors import UsageError

if TYPE_CHECKING:
    from xdsl.passes import ModulePass

REACHES_OUT = frozenset(
    {
        "apply-eqsat-pdl", "apply-eqsat-pdl-interp", "apply-pdl", "apply-pdl-interp",
        "eqsat-add-costs", "mlir-opt",
    }
)  # fmt: skip
"""
Passes of xDSL that start a program or open a file which their options name; nothing here runs them.
"""


@cache
def available_passes() -> dict[str, Callable[[], type[ModulePass]]]:
    """Every pass by name, xDSL's and ours, loaded on use."""
    from xdsl.transforms import get_all_passes

    from passes import PASSES

    known = {**get_all_passes(), **PASSES}
    return {name: load for name, load in known.items() if name not in REACHES_OUT}


def parse_passes(text: str) -> tuple[ModulePass, ...]:
    """
    The passes of `p1,p2{option=1}`, also in `builtin.module(...)`, as MLIR writes it; `UsageError`
    if there is no such pass or option.
    """
    from xdsl.utils.arg_spec import parse_pipeline
    from xdsl.utils.exceptions import ArgSpecParseError

    from dialects.spelling import did_you_mean

    known = available_passes()
    try:
        specs = tuple(parse_pipeline(_of_module(text)))
    except ArgSpecParseError as error:
        raise UsageError(f"pipeline: {error}") from None
    unknown = [spec.name for spec in specs if spec.name not in known]
    if unknown:
        hint = did_you_mean(unknown[0], known, "`lpuc passes` lists them")
        raise UsageError(f"pipeline: no pass '{unknown[0]}'; {hint}")
    try:
        return tuple(known[spec.name]().from_spec(spec) for spec in specs)
    except ValueError as error:
        raise UsageError(f"pipeline: {error}") from None


def _of_module(text: str) -> str:
    """The passes of a pipeline for modules, the only one that passes here run on."""
    found = re.fullmatch(r"\s*builtin\.module\s*\((.*)\)\s*", text, re.DOTALL)
    inner = text if found is None else re.sub(r"\s+(?=[^{}]*(?:\{|$))", "", found[1])
    nested = re.match(r"(?:[^{(]|\{[^}]*\})*?([\w.-]+)\s*\(", inner)
    if nested is not None:
        raise UsageError(f"pipeline: passes run on 'builtin.module', not on '{nested[1]}'")
    return inner
