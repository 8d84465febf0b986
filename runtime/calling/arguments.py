"""Arrays for the inputs of an entry, from what callers have: lists, narrower or wider integers.

What a caller states is never narrowed: `float64` arrays are refused where `float32` is wanted,
numbers without a type take the type of the input. Whole numbers of any type serve any other that
holds their values. What does not fit is left as it is, and refused by `Interface.bind`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from runtime.errors import Unlinkable
from runtime.numerics.elements import ElementType
from runtime.program.interface import Interface, Port

Array = np.ndarray[Any, np.dtype[Any]]


def arrays_of(interface: Interface, inputs: Mapping[str, Any]) -> dict[str, Array]:
    """The inputs by name as arrays; Unlinkable for what is no array."""
    ports = {port.name: port for port in interface.inputs}
    return {name: _array(name, ports.get(name), value) for name, value in inputs.items()}


def _array(name: str, port: Port | None, value: Any) -> Array:
    is_typed = hasattr(value, "dtype")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError):
        raise Unlinkable(
            name, "an array, or lists of equal lengths", type(value).__name__
        ) from None
    if array.dtype.hasobject or array.dtype.kind in "USmM":
        raise Unlinkable(name, "numbers", str(array.dtype))
    return array if port is None else _typed(port, array, is_typed)


def _typed(port: Port, array: Array, is_typed: bool) -> Array:
    wanted = port.dtype.dtype
    if array.dtype == wanted:
        return array
    if not array.size and not is_typed:
        return array.astype(wanted)
    if port.dtype.is_float:
        is_half = port.dtype is ElementType.BF16 and array.dtype == np.float32
        exact = is_half or (array.dtype.kind == "f" and np.can_cast(array.dtype, wanted))
        untyped = not is_typed and array.dtype.kind in "fiu"
        return array.astype(wanted) if exact or untyped else array
    if array.dtype.kind in "iub" and wanted.kind in "iu":
        return _whole(port, array)
    return array


def _whole(port: Port, array: Array) -> Array:
    """Whole numbers in the type of the port, whose range they must not leave."""
    limits = np.iinfo(port.dtype.dtype)
    for value in (int(array.min()), int(array.max())) if array.size else ():
        if not limits.min <= value <= limits.max:
            raise Unlinkable(port.name, f"values of {port.dtype.value}", str(value))
    return array.astype(port.dtype.dtype)
