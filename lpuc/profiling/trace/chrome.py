"""The JSON of Chrome's tracing, which the Perfetto UI reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from lpuc.profiling.trace.slices import Slice
from runtime.timing.events import Engine


def write_json(
    file: IO[bytes], devices: int, engines: Sequence[Engine], found: Iterable[Slice]
) -> None:
    """Write all slices; times are microseconds there."""
    file.write(b'{"displayTimeUnit":"ns","traceEvents":[\n')
    separator = b""
    for event in _events(devices, engines, found):
        file.write(separator + json.dumps(event, separators=(",", ":")).encode("ascii"))
        separator = b",\n"
    file.write(b"\n]}\n")


def _events(
    devices: int, engines: Sequence[Engine], found: Iterable[Slice]
) -> Iterator[dict[str, Any]]:
    for device in range(devices):
        yield _named("process_name", device, 0, f"device {device}")
        for engine in engines:
            yield _named("thread_name", device, _thread(engine), str(engine).lower())
    ends: dict[tuple[int, int], tuple[int, int]] = {}
    for one in found:
        place = {"pid": one.device, "tid": _thread(one.engine)}
        yield {
            "ph": "X", "name": one.name, "cat": one.category, **place, "ts": one.begin / 1e3,
            "dur": (one.end - one.begin) / 1e3, "args": _arguments(one),
        }  # fmt: skip
        if one.number is not None:
            ends[one.device, one.number] = (one.end, _thread(one.engine))
        if one.source in ends:
            yield from _arrow(one, *ends[one.source])


def _arrow(one: Slice, end: int, thread: int) -> Iterator[dict[str, Any]]:
    """From the end of what is waited for to the beginning of what waits."""
    assert one.source is not None
    device, number = one.source
    flow = {
        "cat": "wait",
        "name": "waits for",
        "id": f"{device}.{number}.{one.device}.{one.number}",
    }
    yield {"ph": "s", **flow, "pid": device, "tid": thread, "ts": min(end, one.begin) / 1e3}
    yield {
        "ph": "f", "bp": "e", **flow, "pid": one.device, "tid": _thread(one.engine),
        "ts": one.begin / 1e3,
    }  # fmt: skip


def _named(what: str, process: int, thread: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": process, "tid": thread, "args": {"name": name}}


def _thread(engine: Engine) -> int:
    return list(Engine).index(engine) + 1


def _arguments(one: Slice) -> dict[str, Any]:
    moved = {"bytes": one.bytes} if one.bytes else {}
    return {"nodes": ", ".join(one.nodes), **moved}
