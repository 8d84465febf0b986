"""
Which output a cache or state of an interface continues with: its *present*.

    presents(interface)["past_key_values.0.key"].name     # "present.0.key"

The first that tells says so, of an input with one of the roles `KEPT`:

    place   the output lies where the input lies: the compiler keeps both on the device
    words   the name of the output says `present` and else what the input's says behind `past`
    parts   one output of the rank and type has the numbers of the name and its `key` or `value`
    order   as many outputs of the rank and type are left as inputs: each has its turn

What two could be is not guessed: an input of which nothing tells is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from runtime.program.interface import Interface, Port

KEPT = ("past", "recurrent")
"""Roles of what a step leaves for the next one."""
WORD = re.compile("[A-Za-z]+|[0-9]+")
PART = re.compile(r"key|value|[kv]$")

Words = tuple[str, ...]
Key = tuple[object, ...]
Found = dict[str, Port]


def _words(name: str, without: str) -> Words | None:
    """The words and numbers of a name, one of them taken away; None if it is not among them."""
    words = WORD.findall(name)
    if without not in words:
        return None
    words.remove(without)
    return tuple(words)


class Declared:
    """Which outputs say by their names that they continue an input."""

    def __init__(self, outputs: Sequence[str]) -> None:
        self._by_words: dict[Words, list[int]] = {}
        for index, name in enumerate(outputs):
            words = _words(name, "present")
            if words is not None:
                self._by_words.setdefault(words, []).append(index)

    def of(self, past: str) -> list[int]:
        """Those that continue the input of this name: `present.0` does so for `past_key.0`."""
        words = _words(past, "past")
        if words is None:
            return []
        endings = {words[start:] for start in range(max(1, len(words)))}
        return sorted(i for ending in endings for i in self._by_words.get(ending, ()))


def presents(interface: Interface) -> Found:
    """The present of each kept input that has one, by the names of inputs."""
    found = Found()
    for rule in (_by_place, _by_words, _by_parts, _by_order):
        past = [p for p in interface.inputs if p.role in KEPT and p.name not in found]
        taken = {port.name for port in found.values()}
        found |= _once(rule(past, [port for port in interface.outputs if port.name not in taken]))
    return found


def is_kept(past: Port, present: Port) -> bool:
    """Whether the bytes of the cache after a step are those of the cache before the next."""
    return _has_place(past) and _place(past) == _place(present)


def _has_place(port: Port) -> bool:
    return len(port.strides) == len(port.shape)


def _place(port: Port) -> Key:
    return port.address, port.strides, port.storage


def _once(found: Found) -> Found:
    """Pairs whose output is that of one input."""
    uses = Counter(port.name for port in found.values())
    return {past: port for past, port in found.items() if uses[port.name] == 1}


Rule = Callable[[Sequence[Port], Sequence[Port]], Found]


def _by_place(past: Sequence[Port], outputs: Sequence[Port]) -> Found:
    """One place may be shown by several outputs; any is right."""
    shown = {_place(o): o for o in reversed(outputs)}
    return {p.name: shown[_place(p)] for p in past if _has_place(p) and _place(p) in shown}


def _by_words(past: Sequence[Port], outputs: Sequence[Port]) -> Found:
    declared = Declared([port.name for port in outputs])
    indices = {port.name: declared.of(port.name) for port in past}
    return {name: outputs[several[0]] for name, several in indices.items() if len(several) == 1}


def _by_parts(past: Sequence[Port], outputs: Sequence[Port]) -> Found:
    left = _grouped(((kind, _parts(o.name)), o) for o in outputs for kind in _kinds(o))
    alike = {p.name: left.get((_kind(p), parts), ()) for p in past if (parts := _parts(p.name))}
    return {name: several[0] for name, several in alike.items() if len(several) == 1}


def _by_order(past: Sequence[Port], outputs: Sequence[Port]) -> Found:
    found, inputs = Found(), _grouped((_kind(p), p) for p in past)
    left = _grouped((kind, o) for o in outputs for kind in _kinds(o))
    for kind, ports in inputs.items():
        several = left.get(kind, ())
        if len(ports) == len(several):
            found |= {p.name: o for p, o in zip(ports, several, strict=True)}
    return found


def _grouped(ports: Iterable[tuple[Key, Port]]) -> dict[Key, list[Port]]:
    groups = dict[Key, list[Port]]()
    for key, port in ports:
        groups.setdefault(key, []).append(port)
    return groups


def _parts(name: str) -> Words:
    """The numbers of a name, and the last of its words that says which part of a layer it is."""
    return (*re.findall(r"\d+", name), *PART.findall(name)[-1:])


def _kind(past: Port) -> Key:
    """What an input and its present have alike: all extents where each step replaces it."""
    return past.dtype, past.shape if past.role == "recurrent" else len(past.shape)


def _kinds(output: Port) -> tuple[Key, Key]:
    """What inputs have alike with an output: one that it replaces, one that it adds to."""
    return (output.dtype, output.shape), (output.dtype, len(output.shape))
