"""What HBM delivers, from its timing parameters; tCK is its clock, nX a number of those.

All channels work in lock step with one refresh phase. Addresses are spread over the channels by a
hash, and the lowest bits above a burst select the bank group, so that bursts follow each other in
nBL. Controllers look ahead far enough to hide activations that tFAW permits.

    time left by refresh, all-bank = 1 - (tRTP + tRP + tRFC + tRCD - tBL) / tREFI
    time left by refresh, per-bank = 1 - banks * max(0, that sum - idle) / tREFI
                              idle = (banks - groups) * (row bytes / burst bytes) * tBL
    a beat, one burst of each channel = channels * burst bytes / bandwidth / time left by refresh
    busy time of a transfer = max(N beats, A * tFAW / 4 / time left by refresh)
                          N = ceil(bursts / channels), A = activations of one channel

Time on the channels counts in units, whole parts of a clock cycle of the device so that a beat
takes a whole number of them: the nearest fraction with at most `FINEST` units a cycle.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from runtime.isa.accesses import Access
from runtime.order.panels import panel_bytes
from runtime.target import Target, exact

FINEST = 1 << 14


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
        size, bursts = count * run, count * -(-run // burst)
        if not any(access.jumps):
            size, bursts = panel_bytes(access), min(bursts, -(-(high - low) // burst))
        return Transfer(size, bursts, high - low, any(access.jumps))


@dataclass(frozen=True)
class Rates:
    """Times of a target in integers.

    A cycle has `units`, a `beat` takes so many; `activation` are the units of one row, exact.
    `to_write` and `to_read` are the cycles for which the bus rests when it turns.
    """

    units: int
    beat: int
    activation: Fraction
    to_write: int
    to_read: int


@lru_cache(64)
def rates(target: Target) -> Rates:
    """The rates of a target."""
    left, clock = target.refresh_leaves, exact(target.clock_hz)
    tck = exact(target.hbm_tck_ns) * clock / 10**9
    moved = target.hbm_channels * target.hbm_burst_bytes * clock / exact(target.hbm_bandwidth)
    beat = max((moved / left).limit_denominator(FINEST), Fraction(1, FINEST))
    activation = tck * target.hbm_nfaw / 4 / left * beat.denominator
    to_write, to_read = -(-target.hbm_nrtw * tck // 1), -(-target.hbm_nwtr * tck // 1)
    return Rates(beat.denominator, beat.numerator, activation, int(to_write), int(to_read))


def activations(transfer: Transfer, target: Target) -> int:
    """Rows that one channel opens.

    Ascending addresses open a row of each bank group once for every `groups` rows of all channels;
    scattered ones open a row for every burst.
    """
    bursts = beats(transfer, target)
    if transfer.scattered:
        return bursts
    groups = target.hbm_bank_groups
    stripe = groups * target.hbm_row_bytes * target.hbm_channels
    return min(bursts, groups * -(-transfer.span // stripe))


def beats(transfer: Transfer, target: Target) -> int:
    """Bursts of one channel."""
    return -(-transfer.bursts // target.hbm_channels)


def busy_units(transfer: Transfer, target: Target) -> int:
    """Units for which a transfer occupies the channels."""
    known = rates(target)
    opened = -(-activations(transfer, target) * known.activation // 1)
    return max(beats(transfer, target) * known.beat, int(opened))
