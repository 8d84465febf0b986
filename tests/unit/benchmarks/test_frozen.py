"""The frozen code of published shapes assembles to what it was."""

import json

import pytest

from benchmarks.published.frozen import DIGESTS, FROZEN, digest, frozen_text, text_of
from benchmarks.published.points import POINTS, Point
from runtime.program.assembly import assemble

SMALL = [p for p in POINTS if p.shape in ("opt-1.3b", "gpt2-345m") or p.devices == 8]


@pytest.mark.parametrize("point", SMALL, ids=lambda point: point.name)
def test_it_assembles_to_equal_bytes(point: Point) -> None:
    text = frozen_text(point)
    program = assemble(text)
    assert digest(program) == json.loads(DIGESTS.read_text("utf-8"))[point.name]
    assert text_of(program, point.target) == text


def test_every_point_is_frozen() -> None:
    names = {point.name for point in POINTS}
    assert {path.name for path in FROZEN.glob("*.xz")} == {f"{n}.lpuasm.xz" for n in names}
    assert set(json.loads(DIGESTS.read_text("utf-8"))) == names
