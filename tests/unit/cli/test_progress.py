"""Progress goes to a terminal, and to nothing else."""

from __future__ import annotations

import io
import sys

import pytest

from lpuc.compiler import progress
from lpuc.compiler.progress import CLEAR, at_work


class Terminal(io.StringIO):
    """A stream that a person watches."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SHOWN", True)


def test_a_library_shows_nothing(monkeypatch: pytest.MonkeyPatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "SHOWN", False)
    with at_work("lpu-mem-tile"):
        pass
    assert stream.getvalue() == ""


def test_a_terminal_shows_what_is_done_and_is_left_clean(monkeypatch: pytest.MonkeyPatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with at_work("lpu-mem-tile"):
        assert stream.getvalue() == f"{CLEAR}lpu-mem-tile ..."
    assert stream.getvalue().endswith(CLEAR)


def test_a_file_gets_nothing(monkeypatch: pytest.MonkeyPatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with at_work("lpu-mem-tile"):
        pass
    assert stream.getvalue() == ""


def test_a_failure_leaves_the_line_clean(monkeypatch: pytest.MonkeyPatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with pytest.raises(ValueError, match="no"), at_work("import"):
        raise ValueError("no")
    assert stream.getvalue().endswith(CLEAR)
