"""Requests for HBM as the judge serves them: bytes to bursts, bursts to banks, digit by digit.

It says what `docs/hbm.md` says and shares no code with `runtime.timing`.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from runtime.target import Target
from tests.unit.runtime.timing.bursts import Bank, Burst, Channel, Timing, timing_of

PHANTOMS = 8
"""Groups that do not exist, in which the stream before a request finds its rows open."""


class Place(NamedTuple):
    """Where a burst lies; `bank` counts within its group."""

    channel: int
    group: int
    bank: int
    row: int
    column: int


def bits_of(count: int) -> int:
    """Bits of the numbers below a power of two, none for others."""
    return len(f"{count - 1:b}") if count > 1 and f"{count:b}".count("1") == 1 else 0


def folded(value: int, digit: int, low: int) -> int:
    """The exclusive-or of the lowest bits of all digits."""
    found = 0
    text = f"{value:b}"[::-1]
    for start in range(0, len(text), max(1, digit)):
        part = text[start : start + digit][:low]
        found ^= int(part[::-1] or "0", 2)
    return found


def place_of(address: int, target: Target) -> Place:
    """Where a byte lies."""
    burst = address // target.hbm_burst_bytes
    channels, groups = target.hbm_channels, target.hbm_bank_groups
    columns, banks = target.hbm_row_bytes // target.hbm_burst_bytes, target.hbm_banks // groups
    channel, q = burst % channels, burst // channels
    group, column = q % groups, q // groups % columns
    bank, row = q // (groups * columns) % banks, q // (groups * columns * banks)
    if target.hbm_skew == "none":
        return Place(channel, group, bank, row, column)
    digit = bits_of(groups) + bits_of(banks)
    if bits := bits_of(channels):
        moved = f"{folded(q, bits, bits):0{bits}b}"[::-1]
        channel ^= int(moved, 2)
    if bits_of(groups) > 1:
        gray = q // groups ^ q // groups // 2
        group ^= folded(gray, digit, bits_of(groups))
    if bits_of(banks):
        bank ^= folded(row ^ row // 2, digit, bits_of(banks))
    return Place(channel, group, bank, row, column)


def behind_a_stream(timing: Timing, writes: bool, now: int = 0) -> tuple[Channel, list[Burst]]:
    """A channel that has every bank open for long, and the bursts of a stream that pass it."""
    channel = Channel(timing, now, open_at_start=-1)
    for group in range(PHANTOMS):
        channel.banks[~group, 0] = Bank(-1)
    return channel, [Burst(~(n % PHANTOMS), 0, -1, writes) for n in range(timing.ahead + 2)]


def clocks(reads: Iterable[int], writes: Iterable[int], target: Target) -> int:
    """Clocks by which bursts at some addresses delay the busiest channel, reads before writes."""
    queues: dict[int, list[Burst]] = defaultdict(list)
    for several, is_write in ((reads, False), (writes, True)):
        for address in several:
            place = place_of(address, target)
            queues[place.channel].append(Burst(place.group, place.bank, place.row, is_write))
    timing = replace(timing_of(target), refresh="none")
    return max((delay(queue, timing) for queue in queues.values()), default=0)


def delay(queue: list[Burst], timing: Timing) -> int:
    """Clocks from the end of a stream to when the bus is free behind some bursts."""
    channel, before = behind_a_stream(timing, queue[0].writes)
    served = channel.run(before + queue)
    return served[-1] - served[len(before) - 1]
