"""Which inputs and outputs of an interface are what to a decoder: logits, ids, caches."""

from __future__ import annotations

from runtime.program.interface import Interface, Port
from runtime.program.presents import KEPT, presents

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
    """Caches before and after a call; none where an output is not known."""
    past, found = [p for p in interface.inputs if p.role in KEPT], presents(interface)
    return [(p, found[p.name]) for p in past] if len(found) == len(past) else []
