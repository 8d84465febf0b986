"""The page of a profile: what it says, that it is whole in itself, and what it refuses."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lpuc.errors import UserError
from lpuc.profiling.page import check_form, page, write_page
from lpuc.profiling.profile import Profile, Share, profiled
from tests.unit.runtime.timing.random_programs import random_program

VOID = {"meta", "br"}


class Page(HTMLParser):
    """Text, widths of bars by class, attributes that load something; tags must be balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.bars: list[list[tuple[str, float]]] = []
        self.loads: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        known = dict(attrs)
        self.loads += [f"{tag} {name}" for name in known if name in ("src", "href", "data")]
        self.loads += [tag] if tag in ("script", "link", "iframe") else []
        if known.get("class") == "bar":
            self.bars.append([])
        if tag == "i" and (width := re.search(r"width: ([\d.]+)%", known.get("style") or "")):
            self.bars[-1].append((known["class"] or "", float(width[1])))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] != "style":
            self.words.append(data.strip())


@pytest.fixture(scope="module")
def found() -> Profile:
    return profiled(random_program(3))


def test_the_figures_are_those_of_the_profile(found: Profile) -> None:
    read = Page(page(found, "token.lpu"))
    assert read.words.count("token.lpu") == 1
    assert found.verdict in read.words
    (path, *_) = read.bars
    shares = {cause: 100 * n / found.cycles for cause, n in found.path.items()}
    assert dict(path) == pytest.approx(shares, abs=1e-3)


def test_each_engine_has_all_of_the_run(found: Profile) -> None:
    """Bars leave out what has less than a part in 2000; nothing else is missing."""
    read = Page(page(found, "a program"))
    working = {row.engine for row in found.engines if not row.waits and row.cycles}
    bars = read.bars[1 : 1 + len(working)]
    assert len(bars) == len(working) > 1
    for bar in bars:
        assert sum(width for _, width in bar) == pytest.approx(100, abs=0.5)
        waits = ["waits" in name for name, _ in bar]
        assert waits == sorted(waits), "what an engine does comes first"


def test_every_node_has_its_row(found: Profile) -> None:
    shares = tuple(Share((f"n{i}", f"m{i}"), 1, 5, {"matrix": 3, "vector": 2}) for i in range(40))
    words = Page(page(replace(found, roles=shares, cycles=200), "a program")).words
    assert all(f"n{i} and 1 more" in words and f"m{i}" in words for i in range(40))


def test_names_are_text_and_nothing_is_loaded(found: Profile) -> None:
    evil = "<script src=x>alert(1)</script>\x1b[31m"
    named = replace(found, roles=(Share((evil,), 1, found.cycles, {"vector": found.cycles}),))
    read = Page(page(named, evil))
    assert read.loads == []
    assert any("<script src=x>" in word for word in read.words)
    assert "\x1b" not in "".join(read.words)


def test_a_run_of_nothing_has_a_page(found: Profile) -> None:
    empty = replace(found, cycles=0, path={"idle": 0}, roles=(), engines=(), curve={}, better=())
    assert Page(page(empty, "nothing")).bars


def test_the_file_is_named_as_a_page(found: Profile, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"name a page \*\.html"):
        write_page(found, "a program", tmp_path / "page.txt")
    assert list(tmp_path.iterdir()) == []
    write_page(found, "a program", tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8") == page(found, "a program")


def test_without_the_package_a_page_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lpuc.profiling.page.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs the package jinja2; install 'lpuc\[report\]'"):
        check_form(tmp_path / "page.html")
