"""Links: one hop, the rate of a link, a ring."""

from math import ceil, floor

import pytest

from runtime.timing import predict
from tests.unit.runtime.timing.microbenchmarks.assembled import (
    HOP,
    ISSUE,
    LPU,
    SETUP,
    assembled,
    linked,
)

SIDES = {"left": "right", "right": "left"}


def send(side: str, at: int, count: int) -> str:
    return f"send.{side} (@1,@1,@1,@{count}), f16 @{at}[@0,@0,@0,@2]\n"


def recv(side: str, at: int, count: int) -> str:
    return f"recv.{side} (@1,@1,@1,@{count}), f16 @{at}[@0,@0,@0,@2]\n"


def cycles(text: str) -> int:
    return predict(assembled(text), {}).cycles


@pytest.mark.parametrize("count", [1, 32, 2048, 1 << 16])
def test_a_hop_and_its_bytes(count: int) -> None:
    """h hops and b bytes take h hops and the bytes once, here one hop."""
    text = send("left", 0, count) + recv("right", 1 << 20, count)
    assert cycles(text) == ISSUE + SETUP + HOP + linked(2 * count)


def test_both_directions_are_two_links() -> None:
    text = send("left", 0, 2048) + send("right", 0, 2048)
    text += recv("right", 1 << 20, 2048) + recv("left", 1 << 21, 2048)
    assert cycles(text) == 2 * ISSUE + SETUP + HOP + linked(4096)


def test_a_link_takes_messages_one_by_one() -> None:
    text = send("left", 0, 2048) + send("left", 8192, 2048)
    text += recv("right", 1 << 20, 2048) + recv("right", 1 << 21, 2048)
    assert cycles(text) == ISSUE + 2 * (SETUP + linked(4096)) + HOP


def test_a_message_goes_on_as_its_bytes_come() -> None:
    """Cut through: the second hop begins when the first granule is there, not the message."""
    text = send("left", 0, 512) + recv("right", 1 << 20, 512)
    text += send("left", 1 << 20, 512) + recv("right", 1 << 21, 512)
    steps, granules = linked(1024), 1024 // LPU.lmu_granule
    late = max(
        ceil(steps * (k + 1) / granules) - floor(steps * k / granules) for k in range(granules)
    )
    assert steps < HOP
    assert cycles(text) == ISSUE + 2 * (SETUP + HOP) + late + steps


@pytest.mark.parametrize("devices", [2, 4, 8])
def test_an_all_gather_one_way(devices: int) -> None:
    """Slices shorter than a granule: each of n - 1 hops ends before the next begins."""
    count = LPU.lmu_granule // 2
    text = ""
    for hop in range(devices - 1):
        text += send("left", hop << 10, count) + recv("right", (hop + 1) << 10, count)
    each = SETUP + linked(2 * count) + HOP
    assert cycles(text) == ISSUE + (devices - 1) * each
