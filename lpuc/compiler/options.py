"""What a user can choose when compiling; passes read it from the module attribute `lpu.options`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, cast

from runtime.errors import BadOption, RuntimeFault
from runtime.options import one_of, real, text, unexpected, whole

if TYPE_CHECKING:
    from xdsl.dialects.builtin import DictionaryAttr

    from runtime.target import Target

PRECISIONS = ("f32", "f16", "bf16")
"""Element types that weights, cache and matrix products can have."""

DEFAULT_TARGET = "lpu-4nm"
DEFAULT_PRECISION = "f16"

WEIGHTS = ("embed", "reference", "none")
"""Where a program has its weights; without them it can be inspected, not run."""

BUDGETS = ("max_file_bytes", "max_graph_bytes", "max_nodes", "max_name_bytes", "max_rank")
"""The options that raise limits of the importer: fields of its `Budgets`, with `max_` before."""

INPUT_ROLES = ("ids", "mask", "positions", "past", "recurrent", "data")
"""What an input can be; the outputs that go with a past are found by what is computed."""

LARGEST = (1 << 31) - 1

MOST_DEVICES = 64
"""In a ring: a program has an entry symbol for each."""


@dataclass(frozen=True)
class CompileOptions:
    """
    The choices of one compilation; `BadOption` for one that cannot be meant.

    `target` names a machine or a file that describes one, and `devices` says how many of it make a
    ring. `shape` fixes symbolic dimensions by name, `input_role` says what inputs are (see
    `INPUT_ROLES`) whose names do not tell, `input_value` gives inputs one value each, with which
    they are no inputs of the program, `max_context` bounds the cache, `prompt_chunk` how many
    tokens of a prompt are taken at a time, where 0 is one by one (both None: the default of the
    compiler), `pipeline` replaces the default passes. `plan` says what each of several devices
    computes, a mapping or a file, and `whole_budget` how many percent of the parameters every one
    of them may hold. `weights` is one of `WEIGHTS`; without weights the files they lie in need not
    exist. What is None of `BUDGETS` is a limit of the importer that stays as it is.
    """

    target: str | PathLike[str] = DEFAULT_TARGET
    precision: str = DEFAULT_PRECISION
    max_context: int | None = None
    shape: Mapping[str, int] | None = None
    input_role: Mapping[str, str] | None = None
    input_value: Mapping[str, float] | None = None
    devices: int = 1
    plan: Mapping[str, Any] | str | PathLike[str] | None = None
    whole_budget: float | None = None
    pipeline: str | None = None
    weights: str = WEIGHTS[0]
    prompt_chunk: int | None = None
    max_file_bytes: int | None = None
    max_graph_bytes: int | None = None
    max_nodes: int | None = None
    max_name_bytes: int | None = None
    max_rank: int | None = None

    def __post_init__(self) -> None:
        target_of(self.target)
        one_of("precision", self.precision, PRECISIONS)
        one_of("weights", self.weights, WEIGHTS)
        if self.max_context is not None:
            whole("max_context", self.max_context, 1, LARGEST)
        if self.prompt_chunk is not None:
            whole("prompt_chunk", self.prompt_chunk, 0, LARGEST)
        _check_devices(self.devices)
        _check_plan(self.plan, self.devices)
        if self.whole_budget is not None:
            real("whole_budget", self.whole_budget, 0, 100)
        text("pipeline", self.pipeline or "")
        for name in BUDGETS:
            if getattr(self, name) is not None:
                whole(name, getattr(self, name), 0)
        object.__setattr__(self, "shape", _extents(self.shape))
        object.__setattr__(self, "input_role", _roles(self.input_role))
        object.__setattr__(self, "input_value", _values(self.input_value))

    @staticmethod
    def among(given: Mapping[str, Any]) -> CompileOptions:
        """The options among the arguments of a call; those that it does not have are as usual."""
        names = [field.name for field in fields(CompileOptions) if field.name in given]
        return CompileOptions(**{name: given[name] for name in names})

    @property
    def budgets(self) -> dict[str, int]:
        """The limits that are given, by their names in the importer."""
        given = {name: getattr(self, name) for name in BUDGETS}
        return {n.removeprefix("max_"): int(v) for n, v in given.items() if v is not None}

    @property
    def described(self) -> tuple[str, str | None]:
        """What the machine is called, and what a file says of it; None of a preset."""
        name = fspath(self.target)
        return name, _machine_text(name) if name.endswith(".toml") else None

    def attribute(self) -> DictionaryAttr:
        """The options as the attribute `lpu.options`; names of a user's are escaped."""
        from xdsl.dialects.builtin import (
            DictionaryAttr,
            FloatAttr,
            IntegerAttr,
            StringAttr,
            f64,
            i64,
        )
        from xdsl.ir import Attribute

        from dialects.names import escape

        target, machine = self.described
        entries: dict[str, Attribute] = {
            "target": StringAttr(escape(target)),
            "precision": StringAttr(self.precision),
        }
        if machine is not None:
            entries["machine"] = StringAttr(escape(machine))
        if self.max_context is not None:
            entries["max_context"] = IntegerAttr(int(self.max_context), i64)
        if self.prompt_chunk is not None:
            entries["prompt_chunk"] = IntegerAttr(int(self.prompt_chunk), i64)
        if self.devices > 1:
            entries["devices"] = IntegerAttr(int(self.devices), i64)
        if self.whole_budget is not None:
            entries["whole_budget"] = FloatAttr(float(self.whole_budget), f64)
        if self.shape:
            shape = sorted(self.shape.items())
            extents = {escape(name): IntegerAttr(value, i64) for name, value in shape}
            entries["shape"] = DictionaryAttr(extents)
        if self.input_role:
            roles = sorted(self.input_role.items())
            named = {escape(name): StringAttr(role) for name, role in roles}
            entries["input_role"] = DictionaryAttr(named)
        if self.input_value:
            values = sorted(self.input_value.items())
            given = {escape(name): StringAttr(str(value)) for name, value in values}
            entries["input_value"] = DictionaryAttr(given)
        return DictionaryAttr(entries)


def _check_devices(devices: object) -> None:
    count = whole("devices", devices, 1, MOST_DEVICES)
    if count & (count - 1):
        near = 1 << count.bit_length()
        choice = str(near // 2) if near > MOST_DEVICES else f"{near // 2} or {near}"
        raise BadOption("devices", f"{count} is no power of two; choose {choice}")


def _check_plan(plan: object, devices: int) -> None:
    if plan is None:
        return
    if not isinstance(plan, Mapping | str | PathLike):
        raise unexpected("plan", "a plan, or a file that holds one", plan)
    if devices == 1:
        raise BadOption(
            "plan", "a plan is for several devices, and there is one; give their number"
        )


def _machine_text(target: str) -> str:
    """What the file of a target says."""
    from pathlib import Path

    from runtime.target import Target

    try:
        return Target.text_of(Path(target))
    except RuntimeFault as error:
        raise BadOption("target", str(error)) from None


def target_of(target: object) -> Target:
    """The machine of a name or a file."""
    from runtime.target import Target

    if not isinstance(target, str | PathLike):
        raise unexpected("target", "the name of a machine, or a file that ends in .toml", target)
    try:
        return Target.load(fspath(target))
    except RuntimeFault as error:
        raise BadOption("target", str(error)) from None


def _named(option: str, given: object, words: str, name: str) -> dict[str, object]:
    """What is given by name."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise unexpected(option, words, given)
    entries = dict(cast("Mapping[object, object]", given))
    for one in entries:
        if not isinstance(one, str):
            raise unexpected(option, name, one)
    return cast("dict[str, object]", entries)


def _extents(shape: object) -> dict[str, int]:
    """The dimensions that `shape` fixes."""
    given = _named("shape", shape, "numbers by the names of dimensions", "the name of a dimension")
    return {name: whole("shape", value, 0, LARGEST) for name, value in given.items()}


def _roles(roles: object) -> dict[str, str]:
    """The roles that `input_role` gives."""
    given = _named("input_role", roles, "roles by the names of inputs", "the name of an input")
    return {name: one_of("input_role", role, INPUT_ROLES) for name, role in given.items()}


def _values(values: object) -> dict[str, float]:
    """The numbers that `input_value` gives; a bool is one."""
    given = _named("input_value", values, "numbers by the names of inputs", "the name of an input")
    for value in given.values():
        is_wide = isinstance(value, int) and not -(1 << 63) <= value < 1 << 64
        if is_wide or not isinstance(value, int | float):
            raise unexpected("input_value", "a number of 64 bits, or True or False", value)
    return cast("dict[str, float]", given)
