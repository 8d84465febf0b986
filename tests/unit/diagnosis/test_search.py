"""A search finds what cannot be made smaller, and stops where it is told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lpuc.diagnosis.reduction.search import Search, Spent

Letters = tuple[str, ...]


def _without(letters: Letters, start: int, stop: int) -> Iterator[Letters]:
    yield (*letters[:start], *letters[stop:])


def _search(text: str, fails: Callable[[Letters], bool], most: int = 1000) -> Search[Letters]:
    return Search(tuple(text), fails, lambda letters: "".join(letters).encode(), most)


def test_what_matters_is_left():
    search = _search("a" * 40 + "x" + "b" * 70 + "y" + "c", lambda found: {"x", "y"} <= {*found})
    assert search.halve(len, _without)
    assert search.best == ("x", "y")
    assert search.tries < 60


def test_no_single_item_can_go():
    """One that can only go behind another is found in another round."""

    def fails(found: Letters) -> bool:
        text = "".join(found)
        return "x" in text and text.count("(") == text.count(")") and ")(" not in text

    search = _search("((x))ab()", fails)
    search.halve(len, _without)
    assert fails(search.best)
    for index in range(len(search.best)):
        assert not fails(next(_without(search.best, index, index + 1)))


def test_nothing_is_tried_twice():
    tried: list[Letters] = []

    def fails(found: Letters) -> bool:
        tried.append(found)
        return False

    search = _search("aaaa", fails)
    search.halve(len, _without)
    assert len(tried) == len(set(tried)) == search.tries


def test_tries_are_bounded():
    search = _search("abcdefgh" * 4, lambda found: "a" in found, most=3)
    with pytest.raises(Spent):
        search.halve(len, _without)
    assert search.tries == 3
    assert len(search.best) < 32


def test_an_interruption_leaves_the_best():
    def fails(found: Letters) -> bool:
        if len(found) < 10:
            raise KeyboardInterrupt
        return True

    search = _search("abcdefgh" * 4, fails)
    with pytest.raises(KeyboardInterrupt):
        search.halve(len, _without)
    assert len(search.best) == 16
