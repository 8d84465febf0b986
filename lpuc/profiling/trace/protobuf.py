"""TrackEvent protobuf, the Perfetto UI's own form, through the package perfetto."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import IO, Any

from lpuc.profiling.trace.slices import Slice
from runtime.timing.events import Engine

SEQUENCE = 1
"""All packets come from one writer, which says so."""
PROCESS, TRACK = 1 << 32, 1 << 40


def messages() -> Any:
    """The classes of messages; ImportError without the package."""
    return import_module("perfetto.protos.perfetto.trace.perfetto_trace_pb2")


def write_protobuf(
    file: IO[bytes], devices: int, engines: Sequence[Engine], found: Iterable[Slice]
) -> None:
    """Write all slices, a packet at a time."""
    writer = _Writer(file, messages())
    for device in range(devices):
        writer.process(device)
        for engine in engines:
            writer.track(device, engine)
    flows: dict[tuple[int, int], list[int]] = {}
    kept = list(found)
    for number, one in enumerate(kept, 1):
        if one.source is not None:
            flows.setdefault(one.source, []).append(number)
    for number, one in enumerate(kept, 1):
        mine = (one.device, -1 if one.number is None else one.number)
        starts = flows.get(mine, [])
        writer.slice(one, starts, [number] if one.source is not None else [])


class _Writer:
    """Makes packets and writes each as soon as it is complete."""

    def __init__(self, file: IO[bytes], classes: Any) -> None:
        self.file, self.classes = file, classes
        self.is_first = True

    def process(self, device: int) -> None:
        packet = self.classes.TracePacket()
        packet.track_descriptor.uuid = PROCESS + device
        packet.track_descriptor.process.pid = device + 1
        packet.track_descriptor.process.process_name = f"device {device}"
        self._write(packet)

    def track(self, device: int, engine: Engine) -> None:
        packet = self.classes.TracePacket()
        packet.track_descriptor.uuid = _track(device, engine)
        packet.track_descriptor.parent_uuid = PROCESS + device
        packet.track_descriptor.name = str(engine).lower()
        self._write(packet)

    def slice(self, one: Slice, starts: Sequence[int], ends: Sequence[int]) -> None:
        """Begin and end; `starts` are the arrows from it, `ends` those to it."""
        begin = self._event(one, one.begin, "TYPE_SLICE_BEGIN")
        begin.track_event.name = one.name
        begin.track_event.categories.append(one.category)
        begin.track_event.flow_ids.extend(starts)
        begin.track_event.terminating_flow_ids.extend(ends)
        nodes = begin.track_event.debug_annotations.add()
        nodes.name, nodes.string_value = "nodes", ", ".join(one.nodes)
        if one.bytes:
            moved = begin.track_event.debug_annotations.add()
            moved.name, moved.uint_value = "bytes", one.bytes
        self._write(begin)
        self._write(self._event(one, one.end, "TYPE_SLICE_END"))

    def _event(self, one: Slice, time: int, kind: str) -> Any:
        track, number = _track(one.device, one.engine), getattr(self.classes.TrackEvent, kind)
        event = self.classes.TrackEvent(type=number, track_uuid=track)
        return self.classes.TracePacket(timestamp=time, track_event=event)

    def _write(self, packet: Any) -> None:
        packet.trusted_packet_sequence_id = SEQUENCE
        if self.is_first:
            packet.sequence_flags = self.classes.TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
            self.is_first = False
        trace = self.classes.Trace()
        trace.packet.append(packet)
        self.file.write(trace.SerializeToString())


def _track(device: int, engine: Engine) -> int:
    return TRACK + device * len(Engine) + list(Engine).index(engine)
