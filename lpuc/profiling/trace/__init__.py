"""A run for the Perfetto UI: a process for each device, a track for each engine.

    write(run, program, Path("token.pftrace"))

`slices` says what is on the tracks, `protobuf` and `chrome` how a file holds it: as TrackEvents
through the package perfetto, or as the JSON of Chrome's tracing.
"""

from lpuc.profiling.trace.writing import check_form, write

__all__ = ["check_form", "write"]
