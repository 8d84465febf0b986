"""Programs for several devices are checked when they come from text or from a file."""

from dataclasses import replace

import pytest

from runtime.isa import Recv, Send
from runtime.ring.checks.load import Unsafe
from tests.unit.runtime.ring.exchanges import gathering, mixing

DEVICES = [2, 4, 8]


@pytest.mark.parametrize("devices", DEVICES)
def test_rings_that_exchange_what_they_hold_are_accepted(devices: int) -> None:
    gathering(devices).check_ring()
    mixing(devices).check_ring()


@pytest.mark.parametrize("devices", DEVICES)
def test_one_that_sends_to_the_wrong_side_is_refused(devices: int) -> None:
    good = gathering(devices)
    at = next(at for at, inst in enumerate(good.code) if isinstance(inst, Send))
    sent, received = good.code[at : at + 2]
    assert isinstance(sent, Send) and isinstance(received, Recv)
    code = [*good.code[:at], replace(sent, side="right"), *good.code[at + 1 :]]
    with pytest.raises(Unsafe) as caught:
        replace(good, code=tuple(code)).check_ring()
    assert caught.value.rule == "cycle"


def test_a_program_for_one_device_has_nothing_to_check() -> None:
    replace(gathering(2), devices=1).check_ring()
