"""Write a trace, whole or not at all, in the form that the name of the file asks for."""

from __future__ import annotations

from pathlib import Path

from lpuc.errors import UserError
from lpuc.files.disk import check_output, replacing
from lpuc.profiling.trace.chrome import write_json
from lpuc.profiling.trace.protobuf import messages, write_protobuf
from lpuc.profiling.trace.slices import slices, tracks
from runtime.program.program import Program
from runtime.timing.profiling.record import Record

PROTOBUF = (".pftrace", ".perfetto-trace")


def check_form(path: Path) -> None:
    """`UserError` unless a trace can be written there."""
    check_output(path)
    if path.suffix == ".json":
        return
    if path.suffix not in PROTOBUF:
        raise UserError("name a trace *.json or *.pftrace", file=path)
    try:
        messages()
    except ImportError:
        hint = "install 'lpuc[trace]', or name the file *.json"
        raise UserError(f"this form needs the package perfetto; {hint}", file=path) from None


def write(run: Record, program: Program, path: Path) -> None:
    """Write the trace of a run of a program; `UserError` where that cannot be."""
    check_form(path)
    writing = write_json if path.suffix == ".json" else write_protobuf
    with replacing(path) as temporary, temporary.open("wb") as file:
        writing(file, program.devices, tracks(run), slices(run, program))
