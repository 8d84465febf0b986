"""
What holds of IR at every level, and where the rules of each level are found.

`check_op` runs what a class says about its operands, results and properties: the constraints of its
definition and its `verify_`. Neither may look further than the operation itself, so that two
operations of one class with equal types and properties are both right or both wrong. A compiler
makes the same few hundred operations again and again: what was found right is remembered.

`verify_module` walks over a module once. Values are defined before they are used, names are bound
where they are mentioned, once; `dialects.<level>.verification` adds what holds there:

    RULES             what an operation demands of what stands around it, by class
    verify_function   what holds of a function that has such operations
    verify_shards     of `lpu_esl`: what holds of a function for several devices
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from importlib import import_module
from typing import Any, cast

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, FunctionType, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.traits import IsolatedFromAbove, IsTerminator, NoTerminator, OpTrait
from xdsl.utils.exceptions import VerifyException

from dialects.affine import Affine
from dialects.devices import devices_of
from dialects.lpu.types import TensorType
from dialects.lpu.weights import WeightAttr
from dialects.lpu_mem.access import Access
from dialects.reading import all_within, operands_of, operations, types_of
from dialects.refusal import Refused, refuse, require, restate
from dialects.scopes import Rule, Scope, Shared
from dialects.structure import structure_of

LIMIT = 1 << 17
"""How many different operations are remembered before all are forgotten."""
HOLDERS = (ArrayAttr, DictionaryAttr, FunctionType)
MUTE = frozenset(
    {"lpu.weight", "lpu.ints", "lpu.interface", "lpu_mem.buffer", "lpu_isa.code", "lpu_isa.slot"}
)
"""Attributes of ours in which no name can stand."""
LEVELS = frozenset({"lpu", "lpu_esl", "lpu_mem", "lpu_isa"})
"""The dialects that have rules of their own beyond those of single operations."""
TENSORS = frozenset({"func", "lpu", "lpu_esl"})
"""The dialects of functions whose values may lie on several devices in parts."""

Names = frozenset[str]

_right: dict[tuple[object, ...], Names] = {}
_identical: dict[tuple[object, ...], tuple[Names, list[Attribute]]] = {}
"""By identities of types and properties, which are held, what is known of their equals."""


def check_op(op: Operation) -> Names:
    """
    Raise `VerifyException` unless the operation is right by itself; the names that it mentions.

    The operation need not stand in a block yet. One with regions is checked each time.
    """
    if op.regions or not _is_ours(type(op)):
        return _check(op)
    parts = [*types_of(op), *op.properties.values(), *op.attributes.values()]
    same = (type(op), len(operands_of(op)), *op.properties, *op.attributes, *map(id, parts))
    known = _identical.get(same)
    if known is not None:
        return known[0]
    names = _checked_once(op) if _is_repeated(type(op)) else _check(op)
    if len(_identical) >= LIMIT:
        _identical.clear()
    _identical[same] = names, parts
    return names


def _checked_once(op: Operation) -> Names:
    """The same; equal operations are checked once."""
    key = _key(op)
    names = _right.get(key)
    if names is None:
        names = _check(op)
        if len(_right) >= LIMIT:
            _right.clear()
        _right[key] = names
    return names


def _check(op: Operation, apart: type[OpTrait] | None = None) -> Names:
    structure = structure_of(type(op), apart)
    try:
        if structure is not None and not op.successors and structure.holds(op):
            structure.check(op)
        else:
            op.verify_()
    except Refused:
        raise
    except VerifyException as error:
        restate(op, error)
    names: set[str] = set()
    for part in (*types_of(op), *op.properties.values()):
        if not _is_mute(type(part)):
            names |= _names(part)
    return frozenset(names)


@cache
def _is_mute(cls: type[Attribute]) -> bool:
    """Whether attributes of a class hold no affine expressions: xDSL's, and some of ours."""
    is_foreign = cls.__module__.startswith("xdsl.") and cls not in HOLDERS
    return is_foreign or cls.name in MUTE


@lru_cache(1 << 12)
def _names(attribute: Attribute) -> set[str]:
    return _in_fields(attribute)


@cache
def _is_ours(cls: type[Operation]) -> bool:
    """Whether the checks of a class look at types and properties alone; not at its place."""
    return cls.__module__.startswith("dialects.") and not _is_terminator(cls)


@cache
def _is_repeated(cls: type[Operation]) -> bool:
    """Whether equal operations occur: instructions hardly ever are, each has its registers."""
    return not cls.name.startswith("lpu_isa.")


def _key(op: Operation) -> tuple[object, ...]:
    """All that the checks of an operation without regions can see."""
    return (
        type(op),
        len(operands_of(op)),
        *types_of(op),
        *[(name, _seen(value)) for name, value in op.properties.items()],
        *op.attributes.items(),
    )


def _seen(attribute: Attribute) -> object:
    """What checks see of an attribute: of a weight, not where its bytes are."""
    if type(attribute) is WeightAttr:
        return attribute.data.shape, attribute.data.dtype
    return attribute


def mentioned(part: object) -> set[str]:
    """The names in affine expressions anywhere in types, attributes and what they are made of."""
    if isinstance(part, str | int):
        return set()
    if isinstance(part, Affine):
        return {name for name, _ in part.terms}
    if isinstance(part, Access):
        return part.symbols()
    if isinstance(part, Attribute):
        return set() if _is_mute(type(part)) else _names(part)
    if isinstance(part, tuple | list):
        entries = cast("Sequence[object]", part)
        return {name for entry in entries for name in mentioned(entry)}
    if isinstance(part, dict):
        return mentioned(list(cast("dict[str, object]", part).values()))
    return _in_fields(part)


def _in_fields(part: object) -> set[str]:
    if is_dataclass(part) and not isinstance(part, type):
        return mentioned([getattr(part, field.name) for field in fields(part)])
    return set()


@cache
def _rule(cls: type[Operation]) -> Rule | None:
    """What the level of an operation demands of what stands around it."""
    level = _level_of(cls)
    return None if level not in LEVELS else _level(level).RULES.get(cls)


@cache
def _level_of(cls: type[Operation]) -> str:
    return cls.name.partition(".")[0]


@cache
def _level(level: str) -> Any:
    return import_module(f"dialects.{level}.verification")


@cache
def _is_terminator(cls: type[Operation]) -> bool:
    return cls.has_trait(IsTerminator)


def verify_module(module: ModuleOp) -> None:
    """Raise `Refused` with the first operation of a module that breaks a rule."""
    _check(module)
    shared = Shared(module)
    for op in module.ops:
        if isinstance(op, FuncOp) and op.body.blocks:
            _function(op, shared)
        else:
            check_op(op)


def forget() -> None:
    """Hold no longer what types and properties were made of: where a level ends, most are gone."""
    _identical.clear()


def _function(func: FuncOp, shared: Shared) -> None:
    names = _check(func, apart=IsolatedFromAbove)  # the walk finds what is defined elsewhere
    scope = Scope.of(func, shared)
    _require_bound(func, names.union(*map(_names, func.attributes.values())), scope)
    walk = _Walk(scope)
    for block in func.body.blocks:
        walk.block(block)
    for level in sorted(walk.levels & LEVELS):
        _level(level).verify_function(func, scope)
    if _has_shards(func, shared):
        _level("lpu_esl").verify_shards(func, scope)


def _has_shards(func: FuncOp, shared: Shared) -> bool:
    """Whether a function of tensors is for several devices, or says that it is."""
    found = all_within(func)
    if not {_level_of(type(op)) for op in found} <= TENSORS:
        return False
    if devices_of(shared.module) > 1:
        return True
    types = (value.type for op in found for value in (*op.results, *_arguments(op)))
    return any(isinstance(kind, TensorType) and kind.sharding is not None for kind in types)


def _arguments(op: Operation) -> tuple[SSAValue, ...]:
    return tuple(value for region in op.regions for b in region.blocks for value in b.args)


def _require_bound(op: Operation, names: Names, scope: Scope) -> None:
    if names <= scope.bound.keys() or scope.is_open:
        return
    loose = sorted(names - scope.bound.keys())
    refuse(op, f"nothing around it binds the names {', '.join(loose)}")


class _Walk:
    """One pass over the blocks of a function."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.levels: set[str] = set()
        self.defined: set[int] = set()

    def block(self, block: Block) -> None:
        """Everything in a block, in order; what it defines and binds is gone behind it."""
        depth, defined = len(self.scope.stack), self.defined
        here = [id(argument) for argument in block.args]
        defined.update(here)
        for op in operations(block):
            self._operation(op)
            made = [id(result) for result in op.results]
            here += made
            defined.update(made)
        _require_end(block)
        self.scope.leave(depth)
        defined.difference_update(here)

    def _operation(self, op: Operation) -> None:
        scope, cls = self.scope, type(op)
        for operand in operands_of(op):
            if id(operand) not in self.defined:
                refuse(op, f"it uses %{operand.name_hint or '?'} before that is defined")
        names, rule, depth = check_op(op), _rule(cls), len(scope.stack)
        if names:
            _require_bound(op, names, scope)
        if rule is not None:
            self.levels.add(_level_of(cls))
            rule(op, scope)
        for region in op.regions:
            for inner in region.blocks:
                self.block(inner)
            scope.leave(depth)


def _require_end(block: Block) -> None:
    last, around = block.last_op, block.parent_op()
    if around is not None and not around.has_trait(NoTerminator):
        ends = last is not None and _is_terminator(type(last))
        require(around, ends, "its block ends with an operation that ends none")
