"""What an input of a decoder is, told by its name, its rank and its element type."""

from __future__ import annotations

from dialects.lpu.types import Tensor

ROLE_NAMES = (
    ("input_ids", "ids"),
    ("attention_mask", "mask"),
    ("position_ids", "positions"),
    ("past", "past"),
)
"""What the name of an input contains, and the role that says; the first match counts."""


def role_of(name: str, tensor: Tensor) -> str:
    """The role of an input by its name, checked against rank and element type; else `data`."""
    role = next((role for part, role in ROLE_NAMES if part in name), "data")
    rank = len(tensor.dims or ())
    fits = rank == 4 and tensor.dtype.is_float if role == "past" else rank == 2
    return role if fits else "data"


def is_embedding(name: str, tensor: Tensor) -> bool:
    """Whether an input holds new tokens as vectors, `[batch, sequence, width]`, in place of ids."""
    return "inputs_embeds" in name and len(tensor.dims or ()) == 3 and tensor.dtype.is_float


def is_mask(name: str, tensor: Tensor) -> bool:
    """Whether an input says of each new token what it may see, `[batch, heads, new, total]`."""
    return "attention_mask" in name and len(tensor.dims or ()) == 4


def token_axis(cache: Tensor) -> int:
    """
    The axis of a cache that counts tokens: the only free one behind the batch, or axis 2.

    Exporters write `[batch, heads, tokens, size]`; tokens first and keys transposed occur, too.
    """
    free = [axis for axis, extent in enumerate(cache.shape) if axis and not extent.is_const]
    return free[0] if len(free) == 1 else 2
