"""What a better machine would bring: the same program where one thing is as good again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from runtime.isa.spec import LATENCIES
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing import predict


@dataclass(frozen=True)
class Better:
    """A machine with one thing changed, and the time of the run there."""

    what: str
    seconds: float
    gain: float
    """Share of the time that it saves; below 0 where it is slower."""


def machines(target: Target, devices: int) -> Iterator[tuple[str, Target]]:
    """
    Machines to ask for, all of one kind of change: bandwidth comes with channels and FIFO.

    Latencies of a cycle or so stay: less than a cycle is no latency.
    """
    yield "HBM bandwidth x 2", replace(
        target, hbm_bandwidth=2 * target.hbm_bandwidth, hbm_channels=2 * target.hbm_channels,
        fifo_bytes=2 * target.fifo_bytes,
    )  # fmt: skip
    yield "MAC trees x 2", replace(target, mac_trees=2 * target.mac_trees)
    yield "vector lanes x 2", replace(target, vxe_lanes=2 * target.vxe_lanes)
    halves = {key: -(-getattr(target, key) // 2) for key in ("vector_latency", *LATENCIES)}
    yield "vector latencies / 2", replace(target, **halves)
    yield "LMU ports of the vector engine x 2", replace(target, vxe_ports=2 * target.vxe_ports)
    yield "HBM latency / 2", replace(target, hbm_latency=-(-target.hbm_latency // 2))
    yield "FIFO x 4", replace(target, fifo_bytes=4 * target.fifo_bytes)
    yield "no refresh", replace(target, hbm_refresh="per-bank", hbm_trfc_ns=1e-3)
    if devices > 1:
        yield "hop latency / 2", replace(target, link_hop_latency=-(-target.link_hop_latency // 2))
        yield "link bandwidth x 2", replace(target, link_bandwidth=2 * target.link_bandwidth)


def better(
    program: Program, symbols: Mapping[str, int], entry: str, seconds: float
) -> tuple[Better, ...]:
    """What each of them would bring, the best first."""
    found = [
        Better(what, there, 1 - there / seconds)
        for what, target in machines(program.target, program.devices)
        for there in [predict(replace(program, target=target), symbols, entry=entry).seconds]
    ]
    return tuple(sorted(found, key=lambda one: one.seconds))
