"""Files are opened if they are files, without waiting, and are remembered."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.errors import Unreadable
from runtime.files import noting, open_regular, read_bytes, read_text


def test_what_is_no_regular_file_is_named_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/dev/zero")
    places = {"fifo": "a pipe", "link": "a device", ".": "a folder"}
    for name, kind in places.items():
        with pytest.raises(Unreadable, match=f"is {kind}, not a regular file"):
            open_regular(tmp_path / name)


def test_text_must_be_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a\xff")
    with pytest.raises(Unreadable, match=r"a: is not UTF-8 text, see byte 1"):
        read_text(tmp_path / "a", 9)


def test_no_more_is_read_than_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234")
    assert read_bytes(tmp_path / "a", 4) == b"1234"
    with pytest.raises(Unreadable, match="a: holds more than 3 bytes"):
        read_bytes(tmp_path / "a", 3)


def test_what_was_opened_is_noted_by_whoever_asked_first(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(b"")
    read_bytes(tmp_path / "a", 9)
    with noting() as outer:
        with noting():
            read_bytes(tmp_path / "b", 9)
        read_bytes(tmp_path / "c", 9)
    assert outer == [tmp_path / "b", tmp_path / "c"]
