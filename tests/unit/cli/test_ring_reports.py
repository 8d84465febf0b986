"""What `compile` and `inspect` say of a program for several devices."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import lpuc
from lpuc.cli import invoke
from lpuc.reports.memory_map import hbm_map
from lpuc.reports.ring import ring_rows
from runtime.device.links import ring_of
from runtime.errors import Malformed
from runtime.program.plan import plan_from_json
from runtime.program.program import Program
from tests.unit.cli.conftest import MODEL

DEVICES = 4
TIED = MODEL.with_name("opt.onnx")


pytestmark = pytest.mark.xdist_group("ring reports")
"""The program is compiled once, in one process."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ring") / "ring.lpu"
    command = ["compile", str(MODEL), "-o", str(path), "--max-context", "32"]
    assert invoke([*command, "--devices", str(DEVICES), "--prompt-chunk", "0"]) == 0
    return path


def _rows(text: str) -> dict[str, str]:
    """The lines of a report by the name in front."""
    return {line[:14].strip(): line[14:] for line in text.splitlines() if line[:14].strip()}


def test_a_summary_says_what_devices_hold_and_exchange(
    path: Path, capsys: pytest.CaptureFixture[str]
):
    assert invoke(["inspect", str(path)]) == 0
    rows = _rows(capsys.readouterr().out)
    assert rows["devices"] == "4 in a ring"
    assert re.fullmatch(r"[\d.]+ KiB on each device, 1\.\d\d x an equal share", rows["parameters"])
    assert re.search(r"% of the parameters, the largest 256 B for .*: lpu\.", rows["whole"])
    assert re.search(r"^\d+ messages a token, .* to the left and .* exposed$", rows["exchange"])
    assert re.search(r"^[\d.e-]+ ms/token or more", rows["one device"])
    assert not any("d0" in said for said in rows.values())


def test_the_bytes_on_each_link_are_those_that_a_call_sends(
    path: Path, inputs: Path, monkeypatch: pytest.MonkeyPatch
):
    """Counted where links are, by a call of the program."""
    sent: dict[str, list[int]] = {"left": [], "right": []}

    def watch(link: Any, sizes: list[int]) -> None:
        plain = link.send

        def send(message: Any) -> None:
            plain(message)
            sizes.append(message[1].nbytes)

        monkeypatch.setattr(link, "send", send)

    def watched(devices: int, depth: int) -> Any:
        transports = ring_of(devices, depth)
        for side, sizes in sent.items():
            watch(transports[0].outgoing[side], sizes)
        return transports

    monkeypatch.setattr("runtime.run.interpreter.ring_of", watched)
    program = lpuc.load(path)
    program.run(inputs)
    found = program.predict(context=3)
    assert {side: sum(sizes) for side, sizes in sent.items()} == dict(found.sent)
    assert sum(map(len, sent.values())) == found.messages > 0


def test_data_say_the_same(path: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["inspect", str(path), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    program = lpuc.load(path)
    assert data["devices"] == program.devices == DEVICES
    assert data["plan"] == program.plan
    assert data["predictions"][0]["sent"].keys() == {"left", "right"}


def test_a_model_is_shown_beside_one_device(small: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["inspect", str(small), "--json"]) == 0
    alone = json.loads(capsys.readouterr().out)
    assert alone["alone"] is None
    assert invoke(["inspect", str(small), "--json", "--devices", "2"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["alone"]["predictions"] == alone["program"]["predictions"]
    assert invoke(["inspect", str(small), "--devices", "2"]) == 0
    assert re.search(r"^[\d.e-]+ ms.* GB/s", _rows(capsys.readouterr().out)["one device"])


def test_a_table_that_the_head_is_tied_to_counts_once():
    """What devices hold in all is no less than the model has."""
    program = lpuc.compile(TIED, devices=2, max_context=32, prompt_chunk=0)
    assert program.plan is not None
    report = lpuc.inspect(TIED, precision="f16", max_context=32, prompt_chunk=0)
    alone = report.program  # pyright: ignore[reportAttributeAccessIssue]
    assert program.plan["parameters"] <= 1.01 * alone.parameters  # pyright: ignore


def test_caches_are_shown_as_a_device_has_them(path: Path):
    program = Program.load(path)
    rows = [line for line in hbm_map(program) if "cache" in line]
    assert rows
    assert all("[1, 1, 32, 8]" in row for row in rows)


def test_a_plan_is_part_of_a_program(path: Path, tmp_path: Path):
    """In the file, in the text that it is disassembled to, and in what is compiled from it."""
    program = Program.load(path)
    assert program.plan is not None
    assert program.plan["devices"] == DEVICES
    text, again = tmp_path / "p.s", tmp_path / "p.lpu"
    assert invoke(["disasm", str(path), "-o", str(text)]) == 0
    assert invoke(["asm", str(text), "-o", str(again)]) == 0
    assert again.read_bytes() == path.read_bytes()
    compiled = lpuc.compile(
        MODEL, devices=DEVICES, plan=lpuc.load(path).plan, max_context=32, prompt_chunk=0
    )
    compiled.save(again)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"devices": "4"}, {"devices": True}, {"products": {"a": 1}}, {"whole": [{}]},
        {"whole": [{"bytes": "1", "node": "a", "reason": "b"}]}, {"more": 1}, {"share": "x"},
    ],
)  # fmt: skip
def test_a_plan_of_something_else_is_malformed(path: Path, change: dict[str, Any]):
    plan = Program.load(path).plan
    assert plan is not None
    assert plan_from_json(plan) == plan
    with pytest.raises(Malformed, match="plan of a program"):
        plan_from_json(dict(plan) | change)


def test_where_nothing_is_whole_that_is_said(path: Path):
    program = Program.load(path)
    assert program.plan is not None
    bare = replace(program, plan={**program.plan, "whole": [], "share": 0.0})
    assert ("whole", "nothing: all parameters are cut") in ring_rows(bare)


@pytest.mark.parametrize("option", ["--devices=2", "--whole-budget=9"])
def test_a_program_is_run_by_as_many_devices_as_it_is_for(
    path: Path, option: str, capsys: pytest.CaptureFixture[str]
):
    assert invoke(["generate", str(path), "--tokens", "1,5", option]) == 2
    flag = option.partition("=")[0]
    assert f"{flag} is for models; a program is compiled already" in capsys.readouterr().err


def test_generation_is_that_of_one_device(path: Path, program: Path):
    expected = list(lpuc.load(program).generate([1, 5, 9], max_new_tokens=8))
    assert list(lpuc.load(path).generate([1, 5, 9], max_new_tokens=8)) == expected


def test_a_session_is_that_of_one_device(path: Path, program: Path):
    with lpuc.load(path).session() as several, lpuc.load(program).session() as one:
        for tokens in ([1, 5, 9], [4], [2, 2]):
            assert abs(several.step(tokens) - one.step(tokens)).max() < 1e-2
