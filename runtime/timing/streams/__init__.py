"""Streams of a device: requests in order, the operand FIFO, what transfers take of the channels."""

from runtime.timing.streams.fifo import Fifo
from runtime.timing.streams.panels import Panel
from runtime.timing.streams.windows import WindowedFifo

__all__ = ["Fifo", "Panel", "WindowedFifo"]
