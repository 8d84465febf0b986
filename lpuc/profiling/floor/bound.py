"""What must be moved and multiplied, and how long that takes a machine at least."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from runtime.target import Target


@dataclass(frozen=True)
class Least:
    """
    One product, or what is read beside products: `node` is the ONNX node that needs it.

    `bytes` are those of HBM, `macs` multiplications with accumulation.
    """

    node: str
    bytes: int
    macs: int
    is_last: bool = False
    """Whether no other token of a prompt needs it: its results are logits and nothing else."""


@dataclass(frozen=True)
class Floor:
    """
    The least that one token costs, in the order of the graph, and what that leaves out.

    `notes` say what could not be counted, so that the floor is lower than it might be.
    """

    context: int
    precision: str
    parts: tuple[Least, ...]
    notes: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Bytes of HBM, read or written once."""
        return sum(part.bytes for part in self.parts)

    @property
    def macs(self) -> int:
        """Multiplications with accumulation."""
        return sum(part.macs for part in self.parts)

    @property
    def last_macs(self) -> int:
        """Those that only the last token of a prompt needs."""
        return sum(part.macs for part in self.parts if part.is_last)

    def seconds(self, target: Target, devices: int = 1) -> float:
        """
        No schedule is faster: all bytes at the bandwidth that refresh leaves, or all products.

            max(bytes / (eta * bandwidth), macs / (trees * lanes * clock)) / devices
        """
        return max(_moving(self.bytes, target), _multiplying(self.macs, target)) / devices

    def in_order(self, target: Target, devices: int = 1) -> float:
        """
        No schedule that takes the products one after the other is faster, but for the FIFO.

        Each takes the longer of moving and multiplying; at each border up to a FIFO of bytes may
        have been read ahead. It is never below `seconds`.
        """
        times = list(self._times(target, devices))
        ahead = target.fifo_bytes / (float(target.refresh_leaves) * target.hbm_bandwidth)
        saved = sum(min(ahead, one, other) for one, other in pairwise(times))
        return max(sum(times) - saved, self.seconds(target, devices))

    def _times(self, target: Target, devices: int) -> Iterator[float]:
        for part in self.parts:
            yield max(_moving(part.bytes, target), _multiplying(part.macs, target)) / devices


def _moving(size: int, target: Target) -> float:
    return size / (float(target.refresh_leaves) * target.hbm_bandwidth)


def _multiplying(macs: int, target: Target) -> float:
    return macs / (target.mac_trees * target.vector_lanes * target.clock_hz)
