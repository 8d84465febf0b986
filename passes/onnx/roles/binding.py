"""Numbers and bounded symbols for the free dimensions of a decoder, by the roles of its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dialects.affine import Affine
from dialects.errors import CompileError
from dialects.lpu.types import Tensor
from passes.onnx.roles.inputs import CACHES, batch_axis, token_axis

PAST, ENCODED, NAMELESS = "P", "E", "unnamed_"

ALIASES = {
    "batch": "batch", "batch_size": "batch", "past": "past",
    "seq": "seq", "sequence": "seq", "sequence_length": "seq",
}  # fmt: skip
"""Names under which `shape` knows the dimensions of roles, whatever the model calls them."""


@dataclass
class Binding:
    """Which number or affine expression stands for each symbol of the model."""

    overrides: dict[str, int]
    originals: dict[str, str]
    max_context: int
    encoded: int
    """The longest text that an encoder has read."""
    values: dict[str, Affine]
    decided: dict[str, list[Affine]] = field(default_factory=dict[str, list[Affine]])
    """What the dimensions of roles are, by the first of their names in `ALIASES`."""

    def override(self, symbol: str | None, role: str = "") -> int | None:
        """What `shape` says of a dimension, under its ONNX name or the name of its role."""
        names = [self.originals.get(symbol, symbol)] if symbol else []
        for name in (*names, *(alias for alias in ALIASES if ALIASES[alias] == role)):
            if name in self.overrides:
                return self.overrides[name]
        return None

    def bind(self, extent: Affine | None, value: Affine) -> None:
        symbol = symbol_of(extent)
        if symbol is not None:
            self.values.setdefault(symbol, value)


def symbol_of(extent: Affine | None) -> str | None:
    """The symbol that an extent consists of, if it is one."""
    if extent is not None and extent.const == 0 and len(extent.terms) == 1:
        return extent.terms[0][0]
    return None


def _axis(tensors: list[Tensor], axis: int) -> Affine | None:
    return tensors[0].dims[axis] if tensors and tensors[0].dims else None


def _number(binding: Binding, extent: Affine | None, role: str) -> Affine:
    """An extent that must be a number: its own, or what `shape` says, or 1."""
    if extent is None or not extent.is_const:
        given = binding.override(symbol_of(extent), role)
        extent = Affine(1 if given is None else given)
    binding.decided[role] = [extent]
    return extent


def bind_decoder(
    binding: Binding, by_role: Mapping[str, Sequence[Tensor]]
) -> tuple[tuple[str, int, int], ...]:
    """Bind batch, sequence, pasts and total; the range of each symbol that stays, if any does."""
    ids, past = by_role["ids"], by_role["past"]
    rows = [*ids, *by_role["embeddings"]]
    if not rows:
        return ()
    batch = _number(binding, _axis(rows, 0), "batch")
    sequence = _number(binding, _axis(rows, 1), "seq")
    lengths = Lengths(binding, Affine(binding.max_context) - sequence)
    growing = [cache for cache in past if symbol_of(cache.shape[token_axis(cache)])] or past
    total = (lengths.of(growing[0]) if growing else Affine()) + sequence
    positions = by_role["positions"]
    _bind(binding, rows + [tensor for tensor in positions if tensor.rank > 1], (batch, sequence))
    _bind(binding, [tensor for tensor in positions if tensor.rank == 1], (sequence,))
    _bind(binding, by_role["mask"], (batch, total))
    _bind(binding, by_role["masks of rank 4"], (batch, None, sequence, total))
    _bind(binding, by_role["recurrent"], (batch,))
    for cache in past:
        _bind(binding, [cache], (*[None] * batch_axis(cache), batch))
        length = lengths.of(cache)
        binding.bind(cache.shape[token_axis(cache)], length)
        binding.decided.setdefault("past", []).append(length)
    return (*lengths.ranges(), *_bind_encoded(binding, by_role["encoded"]))


def _bind_encoded(binding: Binding, tensors: Sequence[Tensor]) -> Iterator[tuple[str, int, int]]:
    """Bind the length of what an encoder has read, which is one for all; its range, if it is free.

    It is the second of two or three axes, that of the tokens of a cache.
    """
    lengths = [tensor.shape[_length_axis(tensor)] for tensor in tensors if tensor.rank > 1]
    free = [symbol for length in lengths if (symbol := symbol_of(length)) is not None]
    given = [number for symbol in free if (number := binding.override(symbol)) is not None]
    for length in lengths:
        binding.bind(length, Affine(given[0]) if given else Affine.symbol(ENCODED))
    if free and not given:
        yield ENCODED, 1, binding.encoded


def _length_axis(tensor: Tensor) -> int:
    return token_axis(tensor) if tensor.rank in CACHES else 1


def _bind(binding: Binding, tensors: Sequence[Tensor], extents: Sequence[Affine | None]) -> None:
    """Bind the leading axes of some inputs."""
    for tensor in tensors:
        for have, value in zip(tensor.shape, extents, strict=False):
            if value is not None:
                binding.bind(have, value)


class Lengths:
    """How many tokens each cache holds: as many as another only where the model says the same."""

    def __init__(self, binding: Binding, bound: Affine) -> None:
        self.binding, self.bound = binding, bound
        self.known: dict[str, Affine] = {}

    def of(self, cache: Tensor) -> Affine:
        """The tokens in a cache: a number of the model's or of `shape`, or a symbol."""
        extent = cache.shape[token_axis(cache)]
        symbol = symbol_of(extent)
        if symbol is None:
            return extent
        nameless = symbol.startswith(NAMELESS)
        key = NAMELESS if nameless else symbol
        if key not in self.known:
            given = self.binding.override(None if nameless else symbol, "past")
            self.known[key] = self._fresh() if given is None else Affine(given)
        return self.known[key]

    def _fresh(self) -> Affine:
        if self.bound.const < 0:
            context = self.binding.max_context
            raise CompileError(f"--max-context {context} is shorter than the new tokens alone")
        count = sum(not length.is_const for length in self.known.values())
        return Affine.symbol(f"{PAST}{count}" if count else PAST)

    def ranges(self) -> tuple[tuple[str, int, int], ...]:
        """Every symbol among the lengths with its least and greatest value."""
        names = [name for length in self.known.values() for name, _ in length.terms]
        return tuple((name, 0, self.bound.const) for name in names)


def bind_rest(binding: Binding, tensors: list[Tensor], names: list[str]) -> None:
    """Symbols outside of any role: what `shape` says, or 1 for a leading axis, or an error."""
    unknown: dict[str, str] = {}
    for name, tensor in zip(names, tensors, strict=True):
        for axis, extent in enumerate(tensor.dims or ()):
            symbol = symbol_of(extent)
            if symbol is None or symbol in binding.values:
                continue
            given = binding.override(symbol)
            if given is None and axis > 0:
                unknown.setdefault(binding.originals.get(symbol, symbol), name)
            else:
                binding.values[symbol] = Affine(1 if given is None else given)
    if unknown:
        original, name = next(iter(unknown.items()))
        fixed = f"fix it with {' '.join(f'--shape {other}=N' for other in unknown)}"
        index = [i for i, t in enumerate(tensors) if t.rank == 2 and t.dtype.is_int]
        ids = next((names[i] for i in index if names[i] in unknown.values()), None)
        known = "seq" in binding.decided or ids is None
        raise CompileError(
            f"dimension '{original}' of input '{name}' is neither bound nor given",
            hint=fixed if known else f"are '{ids}' token ids? --input-role {ids}=ids; or {fixed}",
        )


def _symbols(tensors: list[Tensor]) -> set[str]:
    return {s for t in tensors for d in t.dims or () if (s := symbol_of(d))}


def check_names(binding: Binding, tensors: list[Tensor]) -> None:
    """Every name that `shape` gives must be a dimension of the model or of a role."""
    known = {binding.originals.get(s, s) for s in _symbols(tensors)}
    for name in sorted(set(binding.overrides) - known - set(ALIASES)):
        raise CompileError(
            f"--shape {name}: the model has no such dimension",
            hint=f"it has {', '.join(sorted(known)) or 'none'}",
        )


def check_numbers(binding: Binding, tensors: list[Tensor]) -> None:
    """Every number that `shape` gives must be what its dimension has become."""
    for symbol in _symbols(tensors):
        name = binding.originals.get(symbol, symbol)
        binding.decided.setdefault(name, []).append(binding.values[symbol])
    for name, given in sorted(binding.overrides.items()):
        values = binding.decided.get(name) or binding.decided.get(ALIASES.get(name, name), [])
        if Affine(given) in values:
            continue
        if not values:
            raise CompileError(f"--shape {name}={given}: the model has no such dimension")
        follows = "it follows from the cache and the new tokens, which --shape can fix"
        raise CompileError(
            f"--shape {name}={given}: this dimension is {values[0]}",
            hint="leave it out" if values[0].is_const else follows,
        )
