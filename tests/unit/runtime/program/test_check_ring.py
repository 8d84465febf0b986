"""Programs for several devices are checked when they come from text or from a file."""

from dataclasses import replace
from pathlib import Path

import pytest

from runtime.errors import Invalid
from runtime.isa import Send
from runtime.program.assembly import assemble, disassemble
from runtime.program.program import Program
from runtime.ring.checks.load import Unsafe
from tests.unit.runtime.ring.exchanges import gathering, mixing

DEVICES = [2, 4, 8]


@pytest.mark.parametrize("devices", DEVICES)
def test_rings_that_exchange_what_they_hold_are_accepted(devices: int) -> None:
    gathering(devices).check_ring()
    mixing(devices).check_ring()


def misdirected(devices: int) -> Program:
    """A program of which the first message goes to the wrong side."""
    good = gathering(devices)
    at = next(at for at, inst in enumerate(good.code) if isinstance(inst, Send))
    sent = good.code[at]
    assert isinstance(sent, Send)
    code = (*good.code[:at], replace(sent, side="right"), *good.code[at + 1 :])
    return replace(good, code=code)


@pytest.mark.parametrize("devices", DEVICES)
def test_one_that_sends_to_the_wrong_side_is_refused(devices: int) -> None:
    with pytest.raises(Unsafe) as caught:
        misdirected(devices).check_ring()
    assert caught.value.rule == "cycle"


def test_it_is_refused_when_a_file_is_loaded(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.lpu", tmp_path / "bad.lpu"
    gathering(4).write(good)
    Program.load(good)
    misdirected(4).write(bad)
    with pytest.raises(Invalid, match=r"bad\.lpu: not safe on several devices, cycle: .*recv"):
        Program.load(bad)


def test_it_is_refused_when_text_is_assembled() -> None:
    assemble(disassemble(gathering(4)))
    with pytest.raises(Invalid, match="not safe on several devices, cycle"):
        assemble(disassemble(misdirected(4)))


def test_a_program_for_one_device_has_nothing_to_check() -> None:
    replace(gathering(2), devices=1).check_ring()
