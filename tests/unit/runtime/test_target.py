"""Target descriptions: presets, files, and what is wrong with a bad one."""

from pathlib import Path

import pytest

from runtime.errors import Invalid, Unreadable
from runtime.target import GRADES, PRESETS, Target

TINY = (PRESETS / "lpu-tiny.toml").read_text("utf-8")


@pytest.mark.parametrize("name", Target.presets())
def test_presets(name: str) -> None:
    target = Target.load(name)
    assert target.name == name
    assert all(e.source and e.grade in GRADES for e in target.entries.values())
    assert all(e.unit for e in target.entries.values() if not isinstance(e.value, str))
    assert Target.from_json("x", target.to_json()) == target


def test_the_published_machine_is_balanced() -> None:
    """One f16 weight per lane and cycle is exactly what HBM delivers."""
    target = Target.load("lpu-4nm")
    assert target.bytes_per_cycle == 2 * target.mac_trees * target.vector_lanes
    assert target.hbm_bandwidth == 3.2768e12


def test_a_target_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(TINY.replace('"lpu-tiny"', '"mine"'))
    assert Target.load(file).name == "mine"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("queue_depth = ", "fifo_depth = "), "unknown entry 'fifo_depth'"),
        (("queue_depth = ", "# "), "'queue_depth' is missing"),
        (("value = 8192", 'value = "8192"'), "lmu_bytes: expected int"),
        (("value = 8192", "value = true"), "lmu_bytes: value is a number"),
        (("value = 8192", "value = -1"), "lmu_bytes: expected a positive"),
        (('value = 18, unit = "registers"', 'value = 999, unit = ""'), "registers: expected 2"),
        (('grade = "assumption"', 'grade = "guess"'), "grade is one of"),
        (("value = 8192, ", ""), "lmu_bytes: expected exactly"),
        (("lmu_bytes = {", "lmu_bytes = 3 #"), "lmu_bytes: expected a table"),
        (('value = "all-bank"', 'value = "never"'), "hbm_refresh: expected one of all-bank, per"),
        (("lmu_bytes", "="), "not TOML"),
        (("value = 8192", "value = 0x" + 9999 * "f"), "lmu_bytes: .* got one of 39996 bits"),
        (("value = 8192", "value = " + 9999 * "9"), "not TOML: Exceeds the limit"),
        (("value = 8192", "value = nan"), "lmu_bytes: expected a positive"),
        (("value = 0.8e9", "value = 0x" + 9999 * "f"), "clock_hz: .* got one of 39996 bits"),
        (("value = 0.8e9", "value = 1e400"), "clock_hz: expected a positive .* got inf"),
        (("lmu_bytes", "a = " + 9999 * "["), "is nested too deeply"),
        (("lmu_bytes", "a" + 9999 * ".a" + " = 1 #"), "more than 4096 dots"),
        (("lmu_bytes", "# " + 99999 * " " + "\nlmu_bytes"), "holds more than 65536 bytes"),
    ],
)  # fmt: skip
def test_bad_files_name_file_and_key(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(TINY.replace(*change))
    with pytest.raises((Invalid, Unreadable), match=rf"bad\.toml: .*{message}"):
        Target.load(file)


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(Invalid, match="lpu-4nm, lpu-4nm-1stack, lpu-tiny, lpu-u280, lpu-u55c"):
        Target.load("gpu")
    with pytest.raises(Invalid, match="cannot read"):
        Target.load("none.toml")
