"""Which inputs and outputs of an interface are what to a decoder: logits, ids, caches."""

from __future__ import annotations

import re

from runtime.generation.decoder import KEPT, is_kept
from runtime.numerics.elements import ElementType
from runtime.program.interface import Dim, Interface, Port

Kind = tuple[ElementType, "int | tuple[Dim, ...]"]

VOCABULARY = 8
"""Ids are below this where nothing says how many there are."""


def logits_of(interface: Interface) -> Port | None:
    """The output with a number for each id."""
    cached = {present.name for _, present in cache_pairs(interface)}
    rest = [p for p in interface.outputs if p.name not in cached and p.shape]
    named = [p for p in rest if "logits" in p.name] or rest[:1]
    return named[0] if named and not named[0].shape[-1].terms else None


def vocabulary_of(interface: Interface) -> int:
    """How many ids there are."""
    logits = logits_of(interface)
    is_decoder = any(port.role == "ids" for port in interface.inputs)
    return logits.shape[-1].const if logits is not None and is_decoder else VOCABULARY


def cache_pairs(interface: Interface) -> list[tuple[Port, Port]]:
    """Caches before and after a call, by layer and part in their names, else by order; or none."""
    past = [p for p in interface.inputs if p.role in KEPT]
    kinds, marks = set(map(_kind, past)), {_marks(p.name) for p in past}
    present = [
        p for p in interface.outputs if {(p.dtype, len(p.shape)), (p.dtype, p.shape)} & kinds
    ]
    named = {_marks(p.name): p for p in present if _marks(p.name) in marks}
    if len(named) == len(past) == sum(_marks(p.name) in marks for p in present):
        return [(p, named[_marks(p.name)]) for p in past]
    found = {p.name: o for p in past for o in present if is_kept(p, o)}
    if len(found) == len(past):
        return [(p, found[p.name]) for p in past]
    pairs = [
        pair
        for kind in kinds
        for pair in zip(
            [p for p in past if _kind(p) == kind],
            [p for p in present if kind in ((p.dtype, len(p.shape)), (p.dtype, p.shape))],
            strict=False,
        )
    ]
    return pairs if len(pairs) == len(past) == len(present) else []


def _kind(port: Port) -> Kind:
    """What a cache and its present have alike: all extents where each step replaces it."""
    return port.dtype, port.shape if port.role == "recurrent" else len(port.shape)


def _marks(name: str) -> tuple[str, ...]:
    """The numbers of a name, and the last of its words that says which part of a layer it is."""
    parts = re.findall(r"key|value|[kv]$", name)
    return (*re.findall(r"\d+", name), *parts[-1:])
