"""
The plan of several devices as a user has it: a mapping, or a JSON file.

`runtime.program.plan` shows one. `products` says how the columns of each product are cut, as
`passes.lpu_esl.factors.written` tells; what every device holds all of is told to the user and not
read.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import cast

from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FloatAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    i64,
)
from xdsl.ir import Attribute

from dialects.errors import CompileError
from dialects.lpu_esl.plans import PLAN, WHOLE, Unplannable
from dialects.names import escape, unescape
from dialects.spelling import did_you_mean
from lpuc.errors import UsageError, UserError
from lpuc.files.disk import write_text
from lpuc.files.json_text import parsed_distinct
from passes.analysis.functions import dictionary
from runtime.errors import BadOption
from runtime.files import read_text
from runtime.program.plan import Plan

MOST_BYTES = 1 << 26
LONGEST = 1000
"""Characters of a cut."""
READ = ("devices", "model", "products")
KEYS = (*READ, "parameters", "share", "whole")


def plan_attribute(plan: Plan | str | PathLike[str]) -> DictionaryAttr:
    """A plan as the attribute `lpu_esl.plan`; UserError or BadOption for one that is none."""
    if isinstance(plan, Mapping):
        try:
            return _attribute(plan)
        except ValueError as error:
            raise BadOption("plan", str(error)) from None
    path = Path(plan)
    data = parsed_distinct(read_text(path, MOST_BYTES), path, "is not JSON")
    try:
        return _attribute(data)
    except ValueError as error:
        raise UserError(f"is no plan: {error}", file=path) from None


def _attribute(data: object) -> DictionaryAttr:
    table = _table(data, "a plan")
    for key in table:
        if key not in KEYS:
            hint = did_you_mean(key, KEYS, f"a plan has {', '.join(KEYS)}")
            raise ValueError(f"unknown key '{key}'; {hint}")
    for key in READ:
        if key not in table:
            raise ValueError(f"it has no '{key}'")
    products = _table(table["products"], "'products'")
    return DictionaryAttr(
        {
            "devices": IntegerAttr(_devices(table["devices"]), i64),
            "model": StringAttr(_text(table["model"], "'model'")),
            "products": DictionaryAttr(
                {escape(n): StringAttr(_text(cut, f"'{n}'")) for n, cut in products.items()}
            ),
        }
    )


def _table(data: object, what: str) -> Mapping[str, object]:
    table = cast("Mapping[object, object]", data)
    if not isinstance(data, Mapping) or not all(isinstance(name, str) for name in table):
        raise ValueError(f"{what} has names and values")
    return cast("Mapping[str, object]", data)


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value.isascii() or len(value) > LONGEST:
        raise ValueError(f'{what} is no text such as "3/4, 2, 32"')
    return value


def _devices(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 31:
        raise ValueError("'devices' is no number of devices")
    return value


def plan_of(module: ModuleOp) -> Plan | None:
    """The plan that a module was compiled by, with what is whole; None for one device."""
    plan, whole = (dictionary(module.attributes.get(name)) for name in (PLAN, WHOLE))
    if not (plan and whole):
        return None
    return {name: _plain(value) for name, value in (*plan.items(), *whole.items())}


def _plain(value: Attribute) -> object:
    match value:
        case DictionaryAttr():
            return {unescape(name): _plain(item) for name, item in value.data.items()}
        case ArrayAttr():
            return [_plain(item) for item in cast("Iterable[Attribute]", value)]
        case StringAttr():
            return unescape(value.data)
        case IntegerAttr() | FloatAttr():
            return value.value.data
        case _:
            raise AssertionError(f"{value} is in no plan")


@contextmanager
def naming(plan: object) -> Generator[None]:
    """Around the passes: what cannot be done of a plan in a file is said of that file."""
    try:
        yield
    except Unplannable as error:
        if not isinstance(plan, str | PathLike):
            raise
        raise UserError(str(error), file=fspath(cast("PathLike[str]", plan))) from error


@contextmanager
def keeping(module: ModuleOp, output: Path | None, inputs: Iterable[Path]) -> Generator[None]:
    """
    Around the passes: the plan goes to a file, if one is named.

    What would be whole is told, too, where it is so much that the compile fails.
    """
    try:
        yield
    except CompileError:
        if output is not None and WHOLE in module.attributes:
            _write(module, output, inputs)
        raise
    if output is not None:
        _write(module, output, inputs)


def _write(module: ModuleOp, output: Path, inputs: Iterable[Path]) -> None:
    plan = plan_of(module)
    if plan is None:
        raise UsageError("--plan-out: no pass has made a plan")
    write_text(output, f"{json.dumps(plan, indent=1)}\n", inputs)
