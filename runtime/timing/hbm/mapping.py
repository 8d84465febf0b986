"""Where a byte of HBM lies: channel, bank group, bank, row and column of its burst.

Bursts go round the channels, `q` of them lie in each, and those of a channel go round its groups:

    burst = q * channels + channel
    q     = ((row * banks + bank) * row bursts + column) * groups + group

where `banks` counts those of a group. With `hbm_skew` "none" that is all, so that bursts at a
stride of a power of two meet in one channel. With "fold" three numbers are moved on, by
exclusive-or:

    channel ^ fold of q, of the digits of as many bits as a channel has, each with its bits reversed
    group   ^ fold of the Gray code of q / groups, whose digits have the bits of a group and a bank
    bank    ^ fold of the Gray code of row, with the same digits

A fold is the exclusive-or of all digits. Bits are reversed so that a few rows that follow each
other lie far apart. A Gray code changes one bit at a time, so that with four groups and four banks
or more no burst is of the group of the one before it, and no row follows one of its bank. What is
not a power of two, and fewer groups, stay.
"""

from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np

from runtime.target import Target
from runtime.timing.chaining import Ints

WIDTH = 63
"""Bits of a number."""
FEWEST = 2
"""Bits of a group that moves: with one, a bit that changes meets the group before."""
N = TypeVar("N", int, Ints)
"""One number, or many."""


class Places(NamedTuple):
    """Where bursts lie, each an array; `bank` counts within its group, `column` in bursts."""

    channel: Ints
    group: Ints
    bank: Ints
    row: Ints
    column: Ints


def places(bursts: Ints, target: Target) -> Places:
    """Where the bursts of some numbers lie, which are addresses over `hbm_burst_bytes`."""
    q, channel = np.divmod(bursts, target.hbm_channels)
    return Places(channel ^ channel_of(q, target), *within(q, target))


class Moved(NamedTuple):
    """The bits of channel, group and bank that are moved, and those of a digit of the Gray codes.

    Nothing is moved of what has none.
    """

    channel: int
    group: int
    bank: int
    digit: int


@lru_cache(64)
def moved_of(target: Target) -> Moved:
    """What moves in the memory of a target."""
    if target.hbm_skew != "fold":
        return Moved(0, 0, 0, 0)
    group, bank = _bits(target.hbm_bank_groups), _bits(banks_of(target))
    moves = group if group >= FEWEST else 0
    return Moved(_bits(target.hbm_channels), moves, bank, group + bank)


def channel_of(q: N, target: Target) -> N:
    """What the channels of bursts are moved by, with an exclusive-or."""
    bits = moved_of(target).channel
    return _reversed(_fold(q, bits, bits), bits)


def within(q: N, target: Target) -> tuple[N, N, N, N]:
    """Group, bank, row and column of the bursts of a channel, which are the same in all of them."""
    groups, banks = target.hbm_bank_groups, banks_of(target)
    block, group = q // groups, q % groups
    stripe, column = block // row_bursts(target), block % row_bursts(target)
    row, bank = stripe // banks, stripe % banks
    _, of_group, of_bank, digit = moved_of(target)
    group = group ^ _fold(block ^ block >> 1, digit, of_group)
    bank = bank ^ _fold(row ^ row >> 1, digit, of_bank)
    return group, bank, row, column


def banks_of(target: Target) -> int:
    """Banks of a group."""
    return max(1, target.hbm_banks // target.hbm_bank_groups)


def row_bursts(target: Target) -> int:
    """Bursts of a row."""
    return max(1, target.hbm_row_bytes // target.hbm_burst_bytes)


def _bits(count: int) -> int:
    """Bits of a number below a power of two, none for others."""
    return 0 if count & (count - 1) else count.bit_length() - 1


def _fold(value: N, digit: int, low: int) -> N:
    """The lowest bits of the exclusive-or of all digits."""
    if not low:
        return value & 0
    shift = digit
    while shift < WIDTH:
        value = value ^ value >> shift
        shift *= 2
    return value & ((1 << low) - 1)


def _reversed(value: N, bits: int) -> N:
    """Numbers with their bits in the other order."""
    found = value & 0
    for bit in range(bits):
        found = found | (value >> bit & 1) << (bits - 1 - bit)
    return found
