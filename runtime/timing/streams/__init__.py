"""Streams of a device: requests in order, the operand FIFO, what transfers take of the channels."""

from runtime.native.channels import serving_library
from runtime.target import Target
from runtime.timing.streams.fifo import Fifo
from runtime.timing.streams.native import NativeFifo
from runtime.timing.streams.panels import Panel
from runtime.timing.streams.windows import WindowedFifo

__all__ = ["Fifo", "NativeFifo", "Panel", "WindowedFifo", "fifo_of"]


def fifo_of(target: Target) -> Fifo:
    """A FIFO that is empty."""
    library = serving_library()
    return WindowedFifo(target) if library is None else NativeFifo(target, library)
