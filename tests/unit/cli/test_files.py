"""Files are whole or absent."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lpuc.errors import UserError
from lpuc.files.disk import check_output, replacing, write_text
from runtime.files import noting, read_text


def test_the_target_appears_when_the_block_ends(tmp_path: Path):
    target = tmp_path / "out"
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["out"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    target = tmp_path / "out"
    target.write_text("old")
    with pytest.raises(TypeError), replacing(target) as temporary:
        temporary.write_text("half", 5)  # pyright: ignore[reportArgumentType]
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["out"]


def test_an_interrupt_leaves_nothing(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "out"):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("link", [False, True])
def test_an_input_is_no_output(tmp_path: Path, link: bool):
    source, target = tmp_path / "in", tmp_path / "in"
    source.write_text("data")
    if link:
        target = tmp_path / "link"
        target.symlink_to(source)
    with pytest.raises(UserError, match="is an input too"):
        write_text(target, "x", inputs=[source])
    assert source.read_text() == "data"


def test_what_is_not_a_regular_file_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    for target in (tmp_path / "fifo", Path("/dev/null")):
        with pytest.raises(UserError, match="not a regular file"):
            check_output(target)
    with pytest.raises(UserError, match="is a folder"):
        check_output(tmp_path)
    with pytest.raises(UserError, match="folder does not exist"):
        check_output(tmp_path / "none" / "out")


def test_a_link_is_followed(tmp_path: Path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_permissions_are_kept_and_new_files_follow_the_mask(tmp_path: Path):
    target = tmp_path / "out"
    target.write_text("")
    target.chmod(0o640)
    write_text(target, "x")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    mask = os.umask(0o027)
    try:
        write_text(tmp_path / "fresh", "x")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o640


def test_what_was_read_is_no_output(tmp_path: Path):
    source = tmp_path / "in"
    source.write_text("data")
    with noting():
        read_text(source, 99)
        with pytest.raises(UserError, match="is an input too"):
            write_text(source, "x")
    write_text(source, "x")
    assert source.read_text() == "x"
