"""What HBM delivers, from its timing parameters; tCK is its clock, nX a number of those.

All channels have one refresh phase. What a request takes are the clocks of the
channel that has most to do, found burst by burst (`mapping`, `banks`); all else is scaled:

    time left by refresh, all-bank = 1 - (tRTP + tRP + tRFC + tRCD - tBL + rows) / tREFI
                             rows = (groups - 1) * max(0, tRRD - tBL)
    time left by refresh, per-bank = 1 - banks * max(0, that sum - idle) / tREFI
                              idle = (banks - groups) * (row bytes / burst bytes) * tBL
    a beat, one burst of each channel = channels * burst bytes / bandwidth / time left by refresh
    busy time of a transfer = clocks / nBL beats

Ascending bytes take n nBL clocks in n bursts of a channel, and what `hbm_lookahead` cannot hide. Of
requests with many bursts the first 2^k pieces are looked at, and the others go on as the second
half of those does. The address of a request plays no part: it begins with a row of each channel.
Where an index chooses rows, they are taken to lie in ascending rows of the banks, skewed.

Time on the channels counts in units, whole parts of a clock cycle of the device so that a beat
takes a whole number of them: the nearest fraction with at most `FINEST` units a cycle.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from runtime.isa.accesses import Access
from runtime.order.panels import panel_bytes
from runtime.target import Target, exact
from runtime.timing.hbm.requests import Pattern, clocks, dense_clocks, is_ascending, pattern_of

FINEST = 1 << 14


@dataclass(frozen=True)
class Transfer:
    """A request to HBM: `size` useful bytes in `bursts`, that lie as a pattern says."""

    size: int
    bursts: int
    pattern: Pattern

    @staticmethod
    def of(access: Access, target: Target) -> "Transfer":
        """The request for the elements of an operand."""
        count, run = access.runs()
        low, high = access.bounds()
        burst = target.hbm_burst_bytes
        size, bursts = count * run, count * -(-run // burst)
        if not any(access.jumps):
            size, bursts = panel_bytes(access), min(bursts, -(-(high - low) // burst))
        return Transfer(size, bursts, pattern_of(access, target))


@dataclass(frozen=True)
class Rates:
    """Times of a target in integers.

    A cycle has `units`, a `beat` takes so many. `to_write` and `to_read` are the cycles for which
    the bus rests when it turns, beside the burst.
    """

    units: int
    beat: int
    to_write: int
    to_read: int


@lru_cache(64)
def rates(target: Target) -> Rates:
    """The rates of a target."""
    left, clock = target.refresh_leaves, exact(target.clock_hz)
    tck = exact(target.hbm_tck_ns) * clock / 10**9
    moved = target.hbm_channels * target.hbm_burst_bytes * clock / exact(target.hbm_bandwidth)
    beat = max((moved / left).limit_denominator(FINEST), Fraction(1, FINEST))
    to_write, to_read = (
        int(-(-max(0, turn - target.hbm_nbl) * tck // 1))
        for turn in (target.hbm_nrtw, target.hbm_nwtr)
    )
    return Rates(beat.denominator, beat.numerator, to_write, to_read)


def beats(transfer: Transfer, target: Target) -> int:
    """Bursts of one channel, if all have as many."""
    return -(-transfer.bursts // target.hbm_channels)


def busy_clocks(transfer: Transfer, target: Target) -> int:
    """Clocks for which a transfer occupies its busiest channel, in all its directions."""
    if not transfer.bursts:
        return 0
    pattern = transfer.pattern
    if is_ascending(pattern):
        return dense_clocks(beats(transfer, target), pattern.writes, target)
    return clocks(pattern, target)


def in_units(took: int, target: Target) -> int:
    """Units of some clocks of the memory, with what refresh adds."""
    return -(-took * rates(target).beat // target.hbm_nbl)
