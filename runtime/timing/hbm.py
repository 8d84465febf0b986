"""What HBM delivers, from its timing parameters; tCK is its clock, nX a number of those.

All channels work in lock step with one refresh phase. Addresses are spread over the channels by a
hash, and the lowest bits above a burst select the bank group, so that bursts follow each other in
nBL. Controllers look ahead far enough to hide activations that tFAW permits.

    refresh efficiency, all-bank = 1 - (tRTP + tRP + tRFC + tRCD - tBL) / tREFI
    refresh efficiency, per-bank = 1 - banks * max(0, that sum - idle) / tREFI
                            idle = (banks - groups) * (row bytes / burst bytes) * tBL
    busy time of a transfer      = max(N * channels * burst bytes / bandwidth, A * tFAW / 4)
                                   / refresh efficiency
                               N = ceil(bursts / channels), A = activations of one channel
"""

from dataclasses import dataclass
from math import ceil

from runtime.isa.accesses import Access
from runtime.target import Target


@dataclass(frozen=True)
class Transfer:
    """A request to HBM: `size` useful bytes in `bursts` that lie within `span` bytes.

    `scattered` bursts find no open row; others follow ascending addresses. Each request opens its
    rows anew, also where it continues the one before.
    """

    size: int
    bursts: int
    span: int
    scattered: bool = False

    @staticmethod
    def of(access: Access, target: Target) -> "Transfer":
        """The request for the elements of an operand."""
        count, run = access.runs()
        low, high = access.bounds()
        burst = target.hbm_burst_bytes
        bursts = count * ceil(run / burst)
        if not any(access.jumps):
            bursts = min(bursts, ceil((high - low) / burst))
        return Transfer(count * run, bursts, high - low, any(access.jumps))


def refresh_efficiency(target: Target) -> float:
    """Share of the time that refresh leaves to transfers."""
    tck = target.hbm_tck_ns
    clocks = target.hbm_nrtp + target.hbm_nrp + target.hbm_nrcd - target.hbm_nbl
    lost = target.hbm_trfc_ns + clocks * tck
    if target.hbm_refresh == "all-bank":
        return 1 - lost / target.hbm_trefi_ns
    others = target.hbm_banks - target.hbm_bank_groups
    idle = others * target.hbm_row_bytes // target.hbm_burst_bytes * target.hbm_nbl * tck
    return 1 - target.hbm_banks * max(0.0, lost - idle) / target.hbm_trefi_ns


def activations(transfer: Transfer, target: Target) -> int:
    """Rows that one channel opens.

    Ascending addresses open a row of each bank group once for every `groups` rows of all channels;
    scattered ones open a row for every burst.
    """
    bursts = ceil(transfer.bursts / target.hbm_channels)
    if transfer.scattered:
        return bursts
    groups = target.hbm_bank_groups
    stripe = groups * target.hbm_row_bytes * target.hbm_channels
    return min(bursts, groups * ceil(transfer.span / stripe))


def busy_cycles(transfer: Transfer, target: Target) -> float:
    """Cycles of the device for which a transfer occupies the channels."""
    channels, burst = target.hbm_channels, target.hbm_burst_bytes
    moved = ceil(transfer.bursts / channels) * channels * burst / target.hbm_bandwidth
    opened = activations(transfer, target) * target.hbm_nfaw / 4 * target.hbm_tck_ns * 1e-9
    return max(moved, opened) * target.clock_hz / refresh_efficiency(target)


def turnaround_cycles(target: Target, to_write: bool) -> float:
    """Cycles for which the data bus rests when its direction changes."""
    clocks = target.hbm_nrtw if to_write else target.hbm_nwtr
    return clocks * target.hbm_tck_ns * 1e-9 * target.clock_hz
