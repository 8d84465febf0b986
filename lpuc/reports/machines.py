"""Machines beside each other, and what is odd about one: entries that do not go together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from runtime.target import Target, exact

POWERS = (
    "hbm_channels", "hbm_banks", "hbm_bank_groups", "hbm_burst_bytes", "hbm_row_bytes",
    "lmu_granule", "lmu_banks", "vector_lanes", "mac_trees", "vxe_lanes",
)  # fmt: skip
"""Entries that are powers of two in every machine that was built: addresses are cut by bits."""
SKEWED = ("hbm_channels", "hbm_banks", "hbm_bank_groups")
WITHOUT_EFFECT = {
    "hbm_stacks": "channels and bandwidth are those of all stacks",
    "registers": "it bounds what the compiler may use, and costs no time",
    "hbm_bytes": "it bounds what fits, and costs no time",
}
"""Entries that no prediction depends on, and why."""
CLOSE = 0.01
"""So far may a bandwidth be from what the channels deliver: sources round."""


@dataclass(frozen=True)
class Difference:
    """An entry that two machines have otherwise."""

    key: str
    unit: str
    first: int | float | str
    second: int | float | str


def differences(first: Target, second: Target) -> tuple[Difference, ...]:
    """The entries in which two machines differ, in the order of the file; names aside."""
    return tuple(
        Difference(key, entry.unit, entry.value, second.entries[key].value)
        for key, entry in first.entries.items()
        if key != "name" and entry.value != second.entries[key].value
    )


@dataclass(frozen=True)
class Finding:
    """What is odd about an entry. `contradicts` says that no machine can be so."""

    key: str
    text: str
    contradicts: bool = False


def findings(target: Target) -> tuple[Finding, ...]:
    """What is odd about a machine, contradictions first."""
    found = [finding for check in CHECKS for finding in check(target)]
    return tuple(sorted(found, key=lambda one: not one.contradicts))


def _bandwidth(target: Target) -> Iterator[Finding]:
    """Bandwidth = channels x burst bytes / (nBL x tCK), of bursts of different bank groups."""
    seconds = target.hbm_nbl * exact(target.hbm_tck_ns) / 10**9
    delivered = float(target.hbm_channels * target.hbm_burst_bytes / seconds)
    if abs(delivered / target.hbm_bandwidth - 1) > CLOSE:
        yield Finding(
            "hbm_bandwidth",
            f"{target.hbm_channels} channels x {target.hbm_burst_bytes} B every {target.hbm_nbl} x "
            f"{target.hbm_tck_ns:g} ns deliver {delivered / 1e9:.1f} GB/s, not "
            f"{target.hbm_bandwidth / 1e9:.1f}", contradicts=True,
        )  # fmt: skip


def _powers(target: Target) -> Iterator[Finding]:
    skewed = ", and is not skewed" if target.hbm_skew == "fold" else ""
    for key in POWERS:
        value = getattr(target, key)
        if value & (value - 1):
            yield Finding(key, f"{value} is no power of two{skewed if key in SKEWED else ''}")


def _hiding(target: Target) -> Iterator[Finding]:
    """A look-ahead that is shorter than opening a row stops ascending reads at each of them."""
    seen, needed = target.hbm_lookahead * target.hbm_nbl, target.hbm_nrp + target.hbm_nrcd
    if seen < needed:
        yield Finding(
            "hbm_lookahead",
            f"{target.hbm_lookahead} bursts take {seen} tCK, opening a row {needed}: ascending "
            "bytes wait at each row",
        )


def _leading(target: Target) -> Iterator[Finding]:
    """A channel that is far ahead has filled its part of the FIFO."""
    held = target.fifo_bytes // (target.hbm_channels * target.hbm_burst_bytes)
    if target.hbm_lead > held:
        yield Finding(
            "hbm_lead", f"a channel may be {target.hbm_lead} bursts ahead of others, of which the "
            f"FIFO holds {held}",
        )  # fmt: skip


def _memory(target: Target) -> Iterator[Finding]:
    """Parts that must divide, and orders that must hold, within the memory."""
    for whole, part in (
        ("hbm_channels", "hbm_stacks"), ("hbm_banks", "hbm_bank_groups"),
        ("hbm_row_bytes", "hbm_burst_bytes"),
    ):  # fmt: skip
        if getattr(target, whole) % getattr(target, part):
            values = f"{getattr(target, whole)} is no multiple of {part}, {getattr(target, part)}"
            yield Finding(whole, values, contradicts=True)
    if target.hbm_nfaw < 4 * target.hbm_nbl:
        yield Finding("hbm_nfaw", "four activations take less time than their bursts")
    if target.hbm_nccdl < target.hbm_nbl:
        yield Finding("hbm_nccdl", "bursts of one group follow each other faster than bursts")
    for key, least in (
        ("hbm_nrc", target.hbm_nrcd + target.hbm_nrp), ("hbm_nfaw", target.hbm_nrrd),
    ):  # fmt: skip
        if getattr(target, key) < least:
            text = f"{getattr(target, key)} tCK are less than the {least} of its parts"
            yield Finding(key, text, contradicts=True)
    if target.hbm_trfc_ns > target.hbm_trefi_ns / 4:
        yield Finding("hbm_trfc_ns", "refresh takes more than a quarter of the time")


def _starving(target: Target) -> Iterator[Finding]:
    """A FIFO below bandwidth times latency never lets the channels run at full rate."""
    needed = float(target.bytes_per_cycle) * target.hbm_latency
    if target.fifo_bytes < needed:
        yield Finding(
            "fifo_bytes",
            f"{target.fifo_bytes} B are less than bandwidth times latency, {needed:.0f} B: streams "
            f"run at {target.fifo_bytes / needed:.0%} of the rate",
        )


def _balance(target: Target) -> Iterator[Finding]:
    """Trees x lanes x 2 bytes x clock against the bandwidth."""
    eaten = target.mac_trees * target.vector_lanes * 2 * target.clock_hz
    ratio = eaten / target.hbm_bandwidth
    if not 0.95 <= ratio <= 1.5:
        word = "less" if ratio < 1 else "more"
        yield Finding(
            "mac_trees",
            f"the trees take {eaten / 1e9:.0f} GB/s of 16-bit weights, {word} than the memory "
            f"gives: {ratio:.2f} of it",
        )


def _lmu(target: Target) -> Iterator[Finding]:
    """Banks that hold nothing, and those that cannot feed the engines."""
    if target.lmu_banks * target.lmu_granule > target.lmu_bytes:
        text = f"{target.lmu_banks} banks of {target.lmu_granule} B are more than the LMU holds"
        yield Finding("lmu_banks", text, contradicts=True)
    wide = 2 * target.vector_lanes
    if target.lmu_banks * target.lmu_granule < wide:
        text = f"{target.lmu_banks} of {target.lmu_granule} B give less than a chunk of x, {wide} B"
        yield Finding("lmu_banks", f"{text}: products wait in each tile")
    if target.fetch_cycles > target.control_latency:
        yield Finding(
            "fetch_cycles", "words come slower than they are taken up: code is fetched late"
        )


def _latency(target: Target) -> Iterator[Finding]:
    inside = (target.hbm_nrcd + target.hbm_nbl) * target.hbm_tck_ns * 1e-9
    if target.hbm_latency / target.clock_hz < inside:
        yield Finding(
            "hbm_latency",
            f"{target.hbm_latency} cycles are shorter than opening a row and one burst, "
            f"{inside * 1e9:.1f} ns", contradicts=True,
        )  # fmt: skip


def _without_effect(_: Target) -> Iterator[Finding]:
    for key, why in WITHOUT_EFFECT.items():
        yield Finding(key, f"has no effect on times: {why}")


CHECKS: tuple[Callable[[Target], Iterator[Finding]], ...] = (
    _bandwidth, _powers, _memory, _hiding, _leading, _starving, _balance, _lmu, _latency,
    _without_effect,
)  # fmt: skip
