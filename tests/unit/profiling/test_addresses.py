"""Address traces: what Ramulator 2 would read of them is what the run moves."""

import re
from pathlib import Path

import numpy as np
import pytest

from lpuc.errors import UserError
from lpuc.profiling import addresses
from lpuc.profiling.addresses import check_form, requests, write_addresses
from runtime.timing.profiling.record import CHANNELS, record
from tests.unit.runtime.timing.addresses import place_of
from tests.unit.runtime.timing.random_programs import random_program
from tests.unit.runtime.timing.timed import ONE, TWO, K, Timed

SEEDS = range(6)


def flat(path: Path) -> list[tuple[bool, int]]:
    """The lines of a `LoadStoreTrace`: two words, the second a number."""
    found: list[tuple[bool, int]] = []
    for line in path.read_text().splitlines():
        kind, number = line.split(" ")
        found.append(({"LD": False, "ST": True}[kind], int(number, 16)))
    return found


def placed(path: Path) -> list[tuple[bool, list[int]]]:
    """The lines of a `ReadWriteTrace`: two words, the second numbers between commas."""
    words = [line.split(" ") for line in path.read_text().splitlines()]
    return [({"R": False, "W": True}[k], [int(n) for n in v.split(",")]) for k, v in words]


@pytest.mark.parametrize("seed", SEEDS)
def test_both_forms_name_the_same_bursts(seed: int, tmp_path: Path) -> None:
    program = random_program(seed)
    count = write_addresses(program, {}, "step", tmp_path / "t.ldst")
    assert write_addresses(program, {}, "step", tmp_path / "t.rw") == count
    lines, places = flat(tmp_path / "t.ldst"), placed(tmp_path / "t.rw")
    assert len(lines) == len(places) == count
    for (writes, address), (also, vector) in zip(lines, places, strict=True):
        place = place_of(address, program.target)
        assert writes is also
        assert vector == [place.channel // 2, place.channel % 2, 0, *place[1:]]


def test_ascending_bytes_are_all_there(tmp_path: Path) -> None:
    """A panel and rows on both sides of it: as many bursts as their bytes, no more, no less."""
    t = Timed()
    panel = (ONE, ONE, K, TWO)
    product = (t.stream(1 << 21, panel), t.vecmat(8192, 0, panel))
    program = t.program([t.load(0, 0), *product, t.store(1 << 12, 0)])
    moved = sum(e.bytes for e in record(program, {}).events if e.engine in CHANNELS)
    write_addresses(program, {}, "step", tmp_path / "t.ldst")
    lines = flat(tmp_path / "t.ldst")
    assert len(lines) * 32 == moved == 2 * 4096 + 2 * 4096 * 2
    assert sum(writes for writes, _ in lines) * 32 == 4096
    bursts = np.array([address for _, address in lines])
    assert (bursts % 32 == 0).all()
    base = 1 << 20
    assert set(bursts[:128]) == set(range(base, base + 4096, 32))


def test_a_window_is_what_its_nodes_ask_for(tmp_path: Path) -> None:
    t = Timed()
    program = t.program([t.load(0, 0), t.load(8192, 4096), t.map(16384, 0)])
    assert len(requests(program, {}, "step")) == 2
    assert write_addresses(program, {}, "step", tmp_path / "t.ldst", "/n1") == 128
    assert {a // 4096 for _, a in flat(tmp_path / "t.ldst")} == {(1 << 20) // 4096 + 1}
    with pytest.raises(UserError, match="nothing from nodes that begin with '/n2'"):
        write_addresses(program, {}, "step", tmp_path / "u.ldst", "/n2")
    assert not (tmp_path / "u.ldst").exists()


def test_traces_stay_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "MOST_LINES", 100)
    t = Timed()
    with pytest.raises(UserError, match="128 bursts are more than 100 lines; name a node"):
        write_addresses(t.program([t.load(0, 0)]), {}, "step", tmp_path / "t.rw")
    assert list(tmp_path.iterdir()) == []


def test_names_and_places_of_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape("name an address trace *.ldst or *.rw")):
        check_form(tmp_path / "t.trace")
    with pytest.raises(UserError):
        check_form(tmp_path / "none" / "t.rw")
