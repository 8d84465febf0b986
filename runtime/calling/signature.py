"""What an entry of a program takes and gives, as data for a caller."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.program.interface import Interface, Port, call_symbols
from runtime.program.program import Program


@dataclass(frozen=True)
class TensorInfo:
    """A tensor of an interface. An extent is a number, or a formula of symbols such as `P + 1`."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | str, ...]
    role: str
    """What the tensor is in a decoder, such as `ids`, `mask` or `past`; `data` if nothing."""


@dataclass(frozen=True)
class EntryInfo:
    """An entry: what goes in, what comes out, in the order of the model.

    `symbols` are the least and the greatest value of each.
    """

    name: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    symbols: dict[str, tuple[int, int]]


def tensor_info(port: Port) -> TensorInfo:
    """What a caller has to know of a port."""
    shape = tuple(str(dim) if dim.terms else dim.const for dim in port.shape)
    return TensorInfo(port.name, port.dtype.dtype, shape, port.role)


def entry_info(name: str, interface: Interface, devices: int) -> EntryInfo:
    """What a caller has to know of an entry of a program for so many devices."""
    return EntryInfo(
        name,
        tuple(map(tensor_info, interface.inputs)),
        tuple(map(tensor_info, interface.outputs)),
        {symbol.name: (symbol.lower, symbol.upper) for symbol in call_symbols(interface, devices)},
    )


class Described(ABC):
    """Whoever has a program, and says what can be called and with what."""

    @property
    @abstractmethod
    def _described(self) -> Program:
        """The program, with or without its parameters."""

    @property
    def entries(self) -> dict[str, EntryInfo]:
        """What the program can do, by name: `step`, one call of the model, comes first."""
        program = self._described
        return {n: entry_info(n, entry, program.devices) for n, entry in program.entries}

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """The inputs of the model, in its order."""
        return tuple(map(tensor_info, self._described.interface.inputs))

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """The outputs of the model, in its order."""
        return tuple(map(tensor_info, self._described.interface.outputs))
