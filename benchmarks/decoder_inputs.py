"""
Inputs of decoders: what a call feeds, as tensors for whatever inputs a model has.

    ports = decoder_ports(session)
    call = Call(batch=2, new=1, past=9, mask="left")
    feeds = call_inputs(ports, call, np.random.default_rng(0))

What an input is follows from its name and rank, as in `lpuc`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

DTYPES = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(bool)": np.bool_,
}
ROLES = (
    ("input_ids", "ids"),
    ("attention_mask", "mask"),
    ("position_ids", "positions"),
    ("past", "past"),
)
VOCABULARY = 64
"""Ids are below this where the model does not say how many there are."""


@dataclass(frozen=True)
class InputPort:
    """An input of a decoder; `heads` and `lanes` are the extents 1 and 3 of a cache."""

    name: str
    role: str
    dtype: type[np.generic]
    heads: int = 0
    lanes: int = 0


@dataclass(frozen=True)
class Call:
    """
    One call: `new` tokens behind `past` cached ones, positions moved on by `shift`.

    Masks: `ones`; `left` hides the first two columns of the last row; `random` hides about half of
    the cache; `alone` hides the whole cache from the last row; `nothing` hides all from it.
    """

    batch: int = 1
    new: int = 1
    past: int = 0
    mask: str = "ones"
    shift: int = 0

    @property
    def name(self) -> str:
        """Batch, new, past, mask and shift in short."""
        moved = f"_shift{self.shift}" if self.shift else ""
        return f"b{self.batch}_s{self.new}_p{self.past}_{self.mask}{moved}"

    @property
    def is_blind(self) -> bool:
        """Whether a new token may look at nothing, not even itself."""
        return self.mask == "nothing" or (self.mask == "left" and self.past < 2 and self.new > 1)


def calls() -> Iterator[Call]:
    """Batches of 1 and 2, caches of 0, 1 and 9 tokens, 1 and 3 new ones, all masks."""
    for batch, new, past in product((1, 2), (1, 3), (0, 1, 9)):
        if past:
            yield Call(batch, new, past, "left")
            yield Call(batch, new, past, "random")
            yield Call(batch, new, past, "alone", shift=3)
        else:
            yield Call(batch, new, past)
    for batch in (1, 2):
        yield Call(batch, 3, 0, "left")
        yield Call(batch, 1, 9, "nothing")
    yield Call(1, 3, 9, "random", shift=1000)


def decoder_ports(session: Any, extents: Mapping[str, int] | None = None) -> list[InputPort]:
    """The inputs of a session of ONNX Runtime; `extents` are those of free dimensions by name."""
    return [_port(value, extents or {}) for value in session.get_inputs()]


def _port(value: Any, extents: Mapping[str, int]) -> InputPort:
    role = next((role for part, role in ROLES if part in value.name), None)
    rank = 4 if role == "past" else 2
    if role is None or len(value.shape) != rank:
        raise ValueError(f"input '{value.name}' is none of a decoder")
    if role != "past":
        return InputPort(value.name, role, DTYPES[value.type])
    heads, lanes = (int(extents.get(str(d), d)) for d in (value.shape[1], value.shape[3]))
    return InputPort(value.name, role, DTYPES[value.type], heads, lanes)


def vocabulary(session: Any) -> int:
    """How many ids a model knows, by the last extent of its logits."""
    extent = session.get_outputs()[0].shape[-1]
    return extent if isinstance(extent, int) else VOCABULARY


def call_inputs(
    ports: Sequence[InputPort], call: Call, rng: np.random.Generator, ids: int = VOCABULARY
) -> dict[str, Array]:
    """A tensor for each input."""
    return {port.name: _tensor(port, call, rng, ids) for port in ports}


def _tensor(port: InputPort, call: Call, rng: np.random.Generator, ids: int) -> Array:
    if port.role == "ids":
        return rng.integers(0, ids, (call.batch, call.new)).astype(port.dtype)
    if port.role == "mask":
        return _mask(call, rng).astype(port.dtype)
    if port.role == "positions":
        first = call.past + call.shift
        line = np.arange(first, first + call.new)
        return np.tile(line, (call.batch, 1)).astype(port.dtype)
    shape = (call.batch, port.heads, call.past, port.lanes)
    return rng.standard_normal(shape).astype(port.dtype)


def _mask(call: Call, rng: np.random.Generator) -> Array:
    mask = np.ones((call.batch, call.past + call.new), np.int64)
    if call.mask == "left":
        mask[-1, : min(2, mask.shape[1] - 1)] = 0
    elif call.mask == "random":
        mask[:, : call.past] = rng.integers(0, 2, (call.batch, call.past))
    elif call.mask == "alone":
        mask[-1, : call.past] = 0
    elif call.mask == "nothing":
        mask[-1] = 0
    return mask
