"""The predicted figures of a summary: labelled, at both ends of the context."""

from dataclasses import replace

from lpuc.reports.program import prediction_rows, program_rows
from runtime.isa import Stream
from runtime.timing import predict
from tests.unit.runtime.program.programs import projection


def test_both_bounds_are_shown_with_their_context() -> None:
    program = projection()
    (first, one), (second, full) = prediction_rows(program)
    assert (first, second) == ("predicted", "predicted")
    milliseconds = predict(program, {"rows": 7}).seconds * 1e3
    assert full.startswith(f"{milliseconds:#.3g} ms/run at ")
    assert one.endswith("of 3277 GB/s: rows = 1")
    assert full.endswith(": rows = 7")


def test_a_decoder_is_timed_by_the_token() -> None:
    program = projection()
    inputs = tuple(replace(port, role="past") for port in program.interface.inputs)
    decoder = replace(program, interface=replace(program.interface, inputs=inputs))
    texts = [text for _, text in prediction_rows(decoder)]
    assert ["first token, rows = 1" in texts[0], "full context, rows = 7" in texts[1]] == [True] * 2
    assert "ms/token" in texts[0]


def test_memory_is_shown() -> None:
    assert dict(program_rows(projection()))["memory"] == "5.0 KiB of 96.0 GiB HBM"


def test_a_program_that_cannot_run_is_still_shown() -> None:
    program = projection()
    code = tuple(inst for inst in program.code if not isinstance(inst, Stream))
    broken = replace(program, code=(*code[:-1], program.code[-1]))
    texts = [text for _, text in prediction_rows(broken)]
    assert texts[1].startswith("nothing for rows = 7: ")
