"""Each check of a verifier has words of its own, and a case that it refuses with them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.checks import ROOT, checks, checks_of, shown

SOURCE = """
def verify(op):
    require(op, op.fits, "it fits")
    op.require(op.is_there, f"{op.what} is there")
    refuse(op, some_message)


class Op:
    def require(self, holds, message):
        require(self, holds, message)
"""


def _checks(folder: Path) -> list[str | None]:
    path = folder / "source.py"
    path.write_text(SOURCE)
    return [check.pattern for check in checks_of(path)]


def test_checks_are_found_and_told_from_what_passes_them_on(monkeypatch, tmp_path: Path):
    monkeypatch.setattr("tests.checks.ROOT", tmp_path)
    assert set(_checks(tmp_path)) == {r"it\ fits", r".*\ is\ there", None}


def test_a_check_has_a_literal_message():
    assert not [check.place for check in checks() if check.pattern is None]


def test_a_case_shows_each_check():
    messages = shown()
    assert not [c for c in checks() if not any(c.is_shown_by(text) for text in messages)]


def test_no_two_checks_say_the_same():
    found = checks()
    claims = {text: [c.place for c in found if c.is_shown_by(text)] for text in shown()}
    assert not {text: places for text, places in claims.items() if len(places) > 1}


def test_a_verifier_says_no_in_one_way():
    files = [path for path in (ROOT / "dialects").rglob("*.py") if path.name != "refusal.py"]
    texts = {str(path): path.read_text(encoding="utf-8") for path in files}
    assert not [
        name for name, text in texts.items() if re.search(r"raise \w*(Verify|Refused)", text)
    ]
