"""
The inputs on which a model is judged: what a decoder is asked for, and what an error hides in.

```python
for case in quick_cases(interface, seed=0):
    outputs = run(case.inputs, case.entry, case.values)
```

They follow from the interface and the seed alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from lpuc.errors import UserError
from lpuc.levels.decoder import VOCABULARY, cache_pairs, vocabulary_of
from lpuc.levels.onnx_runtime import Runner
from runtime.generation.decoder import ENDLESS, GIVEN
from runtime.generation.sampling import Sampling
from runtime.program.interface import Interface, Port, Symbol, call_symbols
from runtime.program.presents import KEPT

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]

LONGEST = 2048
"""Extents above this are not tried: the upper levels are executed in numpy."""
LENGTHS = 6
"""How many extents are tried between the smallest and the largest."""
STEPS = 4
"""How many steps go through the cache."""
PROMPT, NEW_TOKENS = 3, 5
EXTENTS: tuple[tuple[str, Mapping[str, int]], ...] = (
    ("3 new tokens: ", {"seq": 3}),
    ("batch 2: ", {"batch": 2}),
    ("batch 2 of 3 new tokens: ", {"batch": 2, "seq": 3}),
)
"""What else a decoder is compiled for, where nothing else is asked for."""
TEXT_ROLES = frozenset({"ids", "mask", "positions", *KEPT})
"""What the inputs of a decoder are for; others could be anything."""


class Cache(NamedTuple):
    """What a call leaves as an output, and how much of it the next one is given."""

    name: str
    extents: tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """
    One call: inputs of an entry by name, and symbols that no input determines.

    `carried` names inputs that are outputs of the case before, each run's own: a step that goes on.
    What is compared of a case with calls `before` it are the outputs of the last; from call to call
    caches go on, as `lpuc.levels.calls` says.
    """

    name: str
    inputs: Arrays
    entry: str = "step"
    values: Mapping[str, int] = field(default_factory=dict[str, int])
    carried: Mapping[str, str] = field(default_factory=dict[str, str])
    before: tuple[Case, ...] = ()
    caches: Mapping[str, Cache] = field(default_factory=dict[str, Cache])
    """By inputs that no state keeps: what is left of the call before, in a case of several."""

    @property
    def calls(self) -> tuple[Case, ...]:
        """All calls, in order."""
        return (*self.before, self)


@dataclass(frozen=True)
class Text:
    """A prompt that `generate` continues by so many tokens, and how it chooses."""

    name: str
    prompt: tuple[int, ...]
    count: int
    sampling: Sampling = field(default_factory=Sampling)
    given: Arrays = field(default_factory=dict[str, Array])
    """Inputs that are none of the text."""


class Cases:
    """
    Makes the inputs of one interface; the same seed gives the same.

    Caches hold what `reference` leaves behind random tokens, as far as it can: a trained model is
    sensitive to noise as it never is to its own keys and values.
    """

    def __init__(
        self,
        interface: Interface,
        seed: int = 0,
        devices: int = 1,
        reference: Runner | None = None,
    ) -> None:
        self.interface, self.rng = interface, np.random.default_rng(seed)
        self.reference = reference
        self.symbols: tuple[Symbol, ...] = call_symbols(interface, devices)
        self.ids = vocabulary_of(interface)
        self.has_mask = any(port.role == "mask" for port in interface.inputs)

    def quick(self) -> Iterator[Case]:
        """Small, empty and masked."""
        if not self.symbols:
            yield self.call("random", {})
            return
        yield self.call("short", self._at(5))
        yield self.call("smallest", self._at(0))
        if self.has_mask:
            yield self.call("masked", self._at(9), "dispersed")

    def thorough(self) -> Iterator[Case]:
        """Extents over the whole range, all kinds of masks, and several steps in a row."""
        yield from self.quick()
        if not self.symbols:
            yield self.call("random again", {})
            return
        for symbols in self._lengths():
            yield self.call(f"length {_said(symbols)}", symbols)
        yield self.call("later positions", self._at(9), shift=3)
        for mask in ("left-padded", "dispersed", "alone") if self.has_mask else ():
            yield self.call(f"{mask} mask", self._at(12), mask)
            yield self.call(f"{mask} mask of a full cache", self._largest(), mask)
        yield from self.steps()

    def call(
        self, name: str, symbols: Mapping[str, int], mask: str = "ones", shift: int = 0
    ) -> Case:
        """A call with these extents; positions are those of the mask, moved on by `shift`."""
        inputs = {p.name: self._tensor(p, symbols, shift) for p in self.interface.inputs}
        inputs |= self._left_by_reference(symbols)
        for port in self.interface.inputs:
            if port.role == "mask":
                _hide(inputs[port.name], mask, _new(self.interface), self.rng)
        if mask == "left-padded":
            self._count_shown(inputs)
        return Case(name, inputs)

    def steps(self) -> Iterator[Case]:
        """Steps from an empty cache on, each on what the one before left."""
        pairs = cache_pairs(self.interface)
        new = _new(self.interface)
        names = {n for past, _ in pairs for dim in past.shape for n, _ in dim.terms}
        if len(names) != 1 or {s.name for s in self.symbols} != names:
            return
        (name,) = names
        upper = min(self.interface.greatest[name], LONGEST)
        carried = {past.name: present.name for past, present in pairs}
        for index in range(STEPS):
            if index * new > upper:
                return
            case = self.call(f"step {index + 1}", {name: index * new})
            if index == 0:
                yield case
                continue
            given = {n: array for n, array in case.inputs.items() if n not in carried}
            yield Case(case.name, given, carried=carried)

    def texts(self, room: int, is_drawn: bool) -> Iterator[Text]:
        """What is generated; `room` is how many tokens a text may have."""
        if room < 2:
            return
        prompt = tuple(int(i) for i in self.rng.integers(0, self.ids, min(PROMPT, room - 1)))
        count, given = min(NEW_TOKENS, room - len(prompt)), self._given()
        yield Text("greedy", prompt, count, given=given)
        if is_drawn:
            drawn = Sampling(0.9, top_k=20, top_p=0.9, seed=7)
            yield Text("drawn", prompt, count, drawn, given)

    def prompts(self, width: int, room: int, is_thorough: bool) -> Iterator[Text]:
        """Texts that chunks of `width` tokens take but for the last token, of `room` at most."""
        few = width // 2 + 1
        for name, count in (
            ("a chunk", few),
            ("chunks", width),
            ("overlapping chunks", width + few),
        ):
            if count < room and (is_thorough or count == few):
                yield Text(name, tuple(map(int, self._spread((count + 1,), self.ids))), 0)

    @property
    def room(self) -> int:
        """How many tokens fit the cache; as many as positions count where none grows."""
        kept = {n for a, _ in cache_pairs(self.interface) for dim in a.shape for n, _ in dim.terms}
        return max((s.upper for s in self.symbols if s.name in kept), default=ENDLESS)

    def _given(self) -> Arrays:
        """What is none of the text, the same for all of it."""
        ports = [port for port in self.interface.inputs if port.role == GIVEN]
        return {port.name: self._tensor(port, self._at(5), 0) for port in ports}

    def _at(self, extent: int) -> dict[str, int]:
        return {s.name: min(s.upper, max(s.lower, extent)) for s in self.symbols}

    def _largest(self) -> dict[str, int]:
        return {s.name: max(s.lower, min(s.upper, LONGEST)) for s in self.symbols}

    def _lengths(self) -> Iterator[dict[str, int]]:
        """From the second smallest to the largest, closer together where they are small."""
        found: set[tuple[int, ...]] = set()
        for share in np.linspace(0, 1, LENGTHS):
            tried: list[int] = []
            for symbol in self.symbols:
                width = max(symbol.lower, min(symbol.upper, LONGEST)) - symbol.lower
                step = round(width ** float(share)) if width else 0
                tried.append(symbol.lower + step)
            found.add(tuple(tried))
        for extents in sorted(found):
            yield dict(zip((s.name for s in self.symbols), extents, strict=True))

    def _tensor(self, port: Port, symbols: Mapping[str, int], shift: int) -> Array:
        shape, dtype = port.extents(symbols), port.dtype.dtype
        if port.role == "mask":
            return np.ones(shape, dtype)
        if port.role == "positions":
            first = sum(symbols.values()) + shift
            return np.broadcast_to(np.arange(first, first + shape[-1]), shape).astype(dtype)
        if port.dtype.is_float:
            return self.rng.standard_normal(shape).astype(dtype)
        if dtype == np.bool_:
            return self.rng.integers(0, 2, shape).astype(dtype)
        most = port.limit or (self.ids if port.role == "ids" else VOCABULARY)
        return self._spread(shape, most).astype(dtype)

    def _left_by_reference(self, symbols: Mapping[str, int]) -> Arrays:
        """Caches that the reference computes for as many tokens; nothing where it cannot."""
        pairs, lengths = cache_pairs(self.interface), set(symbols.values())
        known = all(port.role in TEXT_ROLES for port in self.interface.inputs)
        if self.reference is None or not pairs or not known or len(lengths) != 1 or 0 in lengths:
            return {}
        (length,) = lengths
        inputs = {p.name: self._prefilled(p, length) for p in self.interface.inputs}
        try:
            outputs = self.reference(inputs)
        except UserError:
            return {}
        found = {before.name: outputs[after.name] for before, after in pairs}
        fits = all(found[p.name].shape == p.extents(symbols) for p, _ in pairs)
        return found if fits else {}

    def _prefilled(self, port: Port, length: int) -> Array:
        """An input of a call of so many tokens from an empty cache on."""
        shape = port.extents({name: 0 for dim in port.shape for name, _ in dim.terms})
        if port.role in KEPT:
            return np.zeros(shape, port.dtype.dtype)
        shape = (*shape[:-1], length)
        if port.role == "ids":
            return self._spread(shape, port.limit or self.ids).astype(port.dtype.dtype)
        line = np.ones(length) if port.role == "mask" else np.arange(length)
        return np.broadcast_to(line, shape).astype(port.dtype.dtype)

    def _spread(self, shape: Sequence[int], most: int) -> Array:
        """Numbers below a bound, the last one among them now and then."""
        numbers = self.rng.integers(0, most, shape)
        ends = self.rng.random(shape) < 1 / 8
        return np.where(ends, most - 1, numbers)

    def _count_shown(self, inputs: Arrays) -> None:
        """Positions that count what the mask shows, as tokenizers with padding do."""
        masks = [inputs[p.name] for p in self.interface.inputs if p.role == "mask"]
        for port in self.interface.inputs:
            if port.role != "positions" or masks[0].ndim != 2:
                continue
            counted = np.maximum(np.cumsum(masks[0] != 0, axis=-1) - 1, 0)
            new = inputs[port.name].shape[-1]
            inputs[port.name] = counted[:, counted.shape[1] - new :].astype(port.dtype.dtype)


def _hide(mask: Array, kind: str, new: int, rng: np.random.Generator) -> None:
    """Zero a part of what is cached; new tokens see themselves."""
    cached = mask[..., : mask.shape[-1] - new]
    if kind == "left-padded":
        cached[..., : cached.shape[-1] // 3] = 0
    elif kind == "dispersed":
        cached[...] = rng.integers(0, 2, cached.shape).astype(mask.dtype)
    elif kind == "alone":
        cached[-1] = 0


def _said(symbols: Mapping[str, int]) -> str:
    return " ".join(str(extent) for extent in symbols.values())


def _new(interface: Interface) -> int:
    """How many tokens a call adds."""
    shapes = [p.shape for p in interface.inputs if p.role == "ids" and len(p.shape) == 2]
    return shapes[0][1].const if shapes else 1
