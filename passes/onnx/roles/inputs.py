"""What an input of a decoder is, told by its name, its rank and its element type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dialects.errors import CompileError
from dialects.lpu.interface import Value
from dialects.lpu.types import Tensor
from dialects.names import unescape
from dialects.spelling import did_you_mean

ROLE_NAMES = (
    ("input_ids", "ids"),
    ("attention_mask", "mask"),
    ("position_ids", "positions"),
    ("cache_position", "positions"),
    ("past", "past"),
)
"""What the name of an input contains, and the role that says; the first match counts."""
ENCODED = ("encoder", "cross")
"""What the name of an input contains that an encoder makes: it grows with none of the tokens."""
WANTED = {
    "past": "floats of 4 to 6 dimensions",
    "recurrent": "floats of fixed extents behind the first",
    "positions": "one or two dimensions",
}
"""What an input of a role is; all others have two dimensions."""
CACHES = (4, 5, 6)
"""Ranks of caches: of keys or values, of both in one tensor, of both of all layers."""
RECURRENT = "recurrent"
"""What each step replaces: of extents that are numbers behind the batch."""


def role_of(name: str, tensor: Tensor) -> str:
    """The role of an input by its name, checked against rank and element type; else `data`."""
    if is_encoded(name):
        return "data"
    role = next((role for part, role in ROLE_NAMES if part in name), "data")
    if role == "past" and len(tensor.dims or ()) not in CACHES:
        role = RECURRENT
    return role if _fits(role, tensor) else "data"


def _fits(role: str, tensor: Tensor) -> bool:
    dims = tensor.dims or ()
    if role == RECURRENT:
        fixed = all(extent is not None and extent.is_const for extent in dims[1:])
        return len(dims) > 1 and tensor.dtype.is_float and fixed
    if role == "past":
        return len(dims) in CACHES and tensor.dtype.is_float
    return len(dims) == 2 or (role == "positions" and len(dims) == 1)


def roles_of(
    ports: Sequence[Value], tensors: Sequence[Tensor], given: Mapping[str, str]
) -> list[str]:
    """The role of each input: what the user says, what the port says, what its name says."""
    names = [port.name for port in ports]
    for name in given:
        if name not in names:
            known = [unescape(one) for one in names]
            hint = did_you_mean(unescape(name), known, f"it has {', '.join(known)}")
            raise CompileError(f"--input-role {unescape(name)}: no such input", hint=hint)
    return [_role(port, tensor, given) for port, tensor in zip(ports, tensors, strict=True)]


def _role(port: Value, tensor: Tensor, given: Mapping[str, str]) -> str:
    role = given.get(port.name)
    if role is None:
        return role_of(port.name, tensor) if port.role == "data" else port.role
    if role != "data" and not _fits(role, tensor):
        wanted = WANTED.get(role, "two dimensions")
        name = unescape(port.name)
        raise CompileError(f"--input-role {name}={role}: input '{name}' is not of {wanted}")
    return role


def is_encoded(name: str) -> bool:
    """
    Whether an input holds what an encoder makes of another text: its states, their mask, or keys
    and values of them.
    """
    return any(part in name for part in ENCODED)


def is_embedding(name: str, tensor: Tensor) -> bool:
    """Whether an input holds new tokens as vectors, `[batch, sequence, width]`, in place of ids."""
    return "inputs_embeds" in name and len(tensor.dims or ()) == 3 and tensor.dtype.is_float


def is_mask(name: str, tensor: Tensor) -> bool:
    """Whether an input says of each new token what it may see, `[batch, heads, new, total]`."""
    return "attention_mask" in name and len(tensor.dims or ()) == 4


def batch_axis(cache: Tensor) -> int:
    """The axis of a cache that counts texts; those before it count keys and values, and layers."""
    return cache.rank - 4


def token_axis(cache: Tensor) -> int:
    """
    The axis of a cache that counts tokens: the only free one behind the batch, or two behind it.

    Exporters write `[batch, heads, tokens, size]`; tokens first and keys transposed occur, too.
    """
    batch = batch_axis(cache)
    free = [a for a, extent in enumerate(cache.shape) if a > batch and not extent.is_const]
    return free[0] if len(free) == 1 else batch + 2
