"""Traces: what a viewer finds in them, in both forms."""

import json
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lpuc.errors import UserError
from lpuc.profiling.trace import check_form, write
from lpuc.profiling.trace.protobuf import messages
from runtime.program.program import Program
from runtime.timing.events import Engine
from runtime.timing.profiling.record import Record, record
from tests.unit.runtime.timing.random_programs import random_exchange, random_program


def cases() -> list[tuple[Program, Record]]:
    return [(p, record(p, {})) for p in (random_program(3), random_exchange(5))]


@pytest.fixture(scope="module", params=[0, 1], ids=["one device", "exchange"])
def case(request: pytest.FixtureRequest) -> tuple[Program, Record]:
    return cases()[request.param]


def check_tracks(tracks: dict[Any, list[tuple[float, float]]]) -> None:
    """Slices of a track follow each other, none over another."""
    for spans in tracks.values():
        assert all(begin <= end for begin, end in spans)
        assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_json_has_each_instruction_once_on_its_track(
    case: tuple[Program, Record], tmp_path: Path
) -> None:
    program, run = case
    path = tmp_path / "t.json"
    write(run, program, path)
    events = json.loads(path.read_text())["traceEvents"]
    kinds = {kind: [e for e in events if e["ph"] == kind] for kind in "MXsf"}
    assert len(events) == sum(map(len, kinds.values()))
    named = {(e["pid"], e["tid"]) for e in kinds["M"] if e["name"] == "thread_name"}
    assert {e["pid"] for e in kinds["M"]} == set(range(program.devices))
    tracks: dict[Any, list[tuple[float, float]]] = defaultdict(list)
    for event in kinds["X"]:
        tracks[event["pid"], event["tid"]].append(
            (event["ts"], round(event["ts"] + event["dur"], 6))
        )
    assert set(tracks) == named
    check_tracks(tracks)
    work = [e for e in kinds["X"] if e["cat"] != "wait"]
    assert len(work) == len(run.events) * program.devices
    arrows = {e["id"]: e for e in kinds["s"]}
    assert len(arrows) == len(kinds["f"])
    assert all(arrows[e["id"]]["ts"] <= e["ts"] for e in kinds["f"])
    ends = max(e["ts"] + e["dur"] for e in kinds["X"])
    assert ends == pytest.approx(
        max(e.left for e in run.events) / run.target.clock_hz * 1e6, abs=2e-3
    )


def test_protobuf_says_the_same(case: tuple[Program, Record], tmp_path: Path) -> None:
    program, run = case
    path = tmp_path / "t.pftrace"
    write(run, program, path)
    classes = messages()
    packets = classes.Trace.FromString(path.read_bytes()).packet
    assert packets[0].sequence_flags == classes.TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
    described = {p.track_descriptor.uuid for p in packets if p.HasField("track_descriptor")}
    assert len(described) == program.devices * (1 + len({e.engine for e in run.events}))
    open_at: dict[int, int] = {}
    tracks: dict[Any, list[tuple[float, float]]] = defaultdict(list)
    starts, ends, names = set[int](), list[int](), list[str]()
    for packet in packets:
        event = packet.track_event
        if not packet.HasField("track_event"):
            continue
        assert event.track_uuid in described
        if event.type == classes.TrackEvent.TYPE_SLICE_BEGIN:
            assert event.track_uuid not in open_at
            open_at[event.track_uuid] = packet.timestamp
            starts.update(event.flow_ids)
            ends.extend(event.terminating_flow_ids)
            names.append(event.name)
        else:
            begun = open_at.pop(event.track_uuid)
            tracks[event.track_uuid].append((begun, packet.timestamp))
    assert not open_at
    check_tracks(tracks)
    assert starts == set(ends)
    assert len(ends) == len(set(ends))
    assert sum(not n.startswith("waits for ") for n in names) == len(run.events) * program.devices


def test_a_message_comes_from_the_neighbour(tmp_path: Path) -> None:
    """A receive from the left waits for what the left neighbour sends to its right."""
    alone = random_exchange(5)
    run, program = record(alone, {}), replace(alone, devices=4)
    path = tmp_path / "t.json"
    write(run, program, path)
    events = json.loads(path.read_text())["traceEvents"]
    thread = {engine: list(Engine).index(engine) + 1 for engine in Engine}
    starts = {e["id"]: e for e in events if e["ph"] == "s"}
    crossed = 0
    for side, step, other in (
        (Engine.RECV_LEFT, -1, Engine.SEND_RIGHT), (Engine.RECV_RIGHT, 1, Engine.SEND_LEFT)
    ):  # fmt: skip
        found = [e for e in events if e["ph"] == "f" and e["tid"] == thread[side]]
        crossing = [e for e in found if starts[e["id"]]["pid"] != e["pid"]]
        crossed += len(crossing)
        for event in crossing:
            assert starts[event["id"]]["pid"] == (event["pid"] + step) % program.devices
            assert starts[event["id"]]["tid"] == thread[other]
    assert crossed


@pytest.mark.parametrize(
    ("name", "message"),
    [("t.txt", r"\*\.json or \*\.pftrace"), ("no/t.json", "folder does not exist")],
)
def test_where_no_trace_can_be(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        check_form(tmp_path / name)


def test_without_the_package_the_form_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("lpuc.profiling.trace.protobuf.import_module", missing)
    check_form(tmp_path / "t.json")
    with pytest.raises(UserError, match="needs the package perfetto"):
        check_form(tmp_path / "t.pftrace")
