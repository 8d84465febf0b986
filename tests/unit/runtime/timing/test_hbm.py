"""What HBM delivers, by hand from the timings of the targets."""

from dataclasses import replace
from fractions import Fraction

import pytest

from runtime.isa.accesses import Access
from runtime.target import Target
from runtime.timing.hbm import Transfer, busy_clocks, in_units, rates

LPU = Target.load("lpu-4nm")
U55C = Target.load("lpu-u55c")
BEAT = Fraction(1040, 959)
"""Cycles of a burst of all channels: 1 / (1 - 303.75 / 3900)."""


def dense(size: int) -> Transfer:
    """A request for contiguous f16."""
    access = Access(True, True, False, 2, 0, (1, 1, 1, size // 2), (0, 0, 0, 2))
    return Transfer.of(access, LPU)


def cycles(transfer: Transfer, target: Target = LPU) -> Fraction:
    return Fraction(in_units(busy_clocks(transfer, target), target), rates(target).units)


def test_all_bank_refresh() -> None:
    """260 ns of refresh and (9 + 26 + 31 - 2 + 6) * 0.625 ns around it, every 3900 ns."""
    assert LPU.refresh_leaves == pytest.approx(1 - 303.75 / 3900)
    assert replace(LPU, hbm_trfc_ns=350.0).refresh_leaves == pytest.approx(1 - 393.75 / 3900)
    """Rows of other groups do not come late where activations follow as fast as bursts."""
    assert replace(LPU, hbm_nrrd=2).refresh_leaves == pytest.approx(1 - 300 / 3900)


def test_the_efficiency_of_hbm2_is_near_the_measured_one() -> None:
    """Shuhai measured 92.2 % of 460.8 GB/s."""
    assert float(U55C.refresh_leaves) == pytest.approx(1 - (260 + 35 / 0.9) / 3900)
    assert float(U55C.refresh_leaves) == pytest.approx(0.922, abs=0.002)


def test_per_bank_refresh_hides_where_a_bank_is_idle() -> None:
    """A bank rests while 12 others deliver 32 bursts of 2 clocks each: 480 ns."""
    hidden = replace(LPU, hbm_refresh="per-bank", hbm_trfc_ns=200.0)
    assert hidden.refresh_leaves == 1
    longer = replace(hidden, hbm_trfc_ns=445.0)
    assert longer.refresh_leaves == pytest.approx(1 - 16 * (445 + 43.75 - 480) / 3900)


@pytest.mark.parametrize("target", [Target.load(name) for name in Target.presets()])
def test_bandwidth_agrees_with_the_bursts(target: Target) -> None:
    burst = target.hbm_channels * target.hbm_burst_bytes / (target.hbm_nbl * target.hbm_tck_ns)
    assert burst * 1e9 == pytest.approx(target.hbm_bandwidth)
    assert target.fifo_bytes > target.bytes_per_cycle * target.hbm_latency


@pytest.mark.parametrize("target", [Target.load(name) for name in Target.presets()])
def test_the_latency_covers_the_first_access(target: Target) -> None:
    first = (target.hbm_nrcd + target.hbm_nbl) * target.hbm_tck_ns
    assert target.hbm_latency / target.clock_hz * 1e9 > first


def test_a_long_transfer_runs_at_the_refresh_limit() -> None:
    """1 MiB is 256 bursts for each of 128 channels: 320 ns, 256 cycles."""
    assert dense(1 << 20).bursts == 32768
    assert cycles(dense(1 << 20)) == 256 * BEAT
    assert cycles(dense(64)) == BEAT


def test_scattered_rows_are_bound_by_activations() -> None:
    """64 rows of each channel: four activations in 24 clocks, the first in the look-ahead."""
    rows = Access(
        True, True, False, 2, 0, (1, 1, 128 * 64, 16), (0, 0, 0, 2), (False, False, True, False)
    )
    transfer = Transfer.of(rows, LPU)
    assert (transfer.bursts, transfer.size) == (8192, 8192 * 32)
    assert cycles(transfer) > (64 * 6 - 66) / 2 * BEAT


def test_a_burst_is_paid_in_full() -> None:
    """1024 halves that lie 64 bytes apart take 1024 bursts and deliver 2 KiB."""
    apart = Access(True, True, False, 2, 0, (1, 1, 1, 1024), (0, 0, 0, 64))
    found = Transfer.of(apart, LPU)
    assert (found.size, found.bursts) == (2048, 1024)
    close = Access(True, True, False, 2, 0, (1, 1, 1, 1024), (0, 0, 0, 4))
    assert Transfer.of(close, LPU).bursts == 128


def test_broadcast_elements_move_once() -> None:
    same = Access(True, True, False, 4, 0, (1, 1, 50, 8), (0, 0, 0, 4))
    assert Transfer.of(same, LPU).size == 32


def test_turnaround() -> None:
    """18 clocks beside the burst to write and 20 back, in cycles of 1.25 ns, in whole ones."""
    assert (rates(LPU).to_write, rates(LPU).to_read) == (9, 10)
    assert (rates(U55C).to_write, rates(U55C).to_read) == (2, 3)


def test_a_beat_is_exact() -> None:
    """A burst of all channels takes 1.25 ns and what refresh adds; on U55C 22/45 cycles."""
    assert Fraction(rates(LPU).beat, rates(LPU).units) == BEAT
    exact = Fraction(22, 45) / (1 - (260 + 35 / Fraction(9, 10)) / 3900)
    assert Fraction(rates(U55C).beat, rates(U55C).units) == exact


def test_more_bandwidth_is_never_slower() -> None:
    times = [cycles(dense(1 << 20), replace(LPU, hbm_bandwidth=b * 1e11)) for b in range(1, 99)]
    assert times == sorted(times, reverse=True)
