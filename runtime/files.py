"""Opening files that a user names: regular ones only, never waiting, and remembered if asked.

    with noting() as read:
        text = read_text(path, 1 << 20)
    assert read == [path]

A pipe or a device would be waited for, or never end. What a command has read, it must not
overwrite: `noting` knows, whichever part of the command has opened the file.
"""

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO

from runtime.errors import Unreadable

OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)

_noted: ContextVar[list[Path] | None] = ContextVar("noted", default=None)


def note(path: Path) -> None:
    """Remember that a file was opened; whoever opens one in another way than here says so."""
    noted = _noted.get()
    if noted is not None:
        noted.append(path)


@contextmanager
def noting() -> Generator[list[Path]]:
    """The files that are opened inside, and those that were before where somebody noted already."""
    outer = _noted.get()
    if outer is not None:
        yield outer
        return
    inner = list[Path]()
    token = _noted.set(inner)
    try:
        yield inner
    finally:
        _noted.reset(token)


def noted() -> tuple[Path, ...]:
    """The files that were opened since the outermost `noting` began."""
    return tuple(_noted.get() or ())


def irregular(status: os.stat_result) -> str | None:
    """What a file is that is none to be read, None for a regular file."""
    if stat.S_ISREG(status.st_mode):
        return None
    return next((name for test, name in KINDS if test(status.st_mode)), "no file")


def open_regular(path: Path) -> int:
    """A descriptor; Unreadable for what is no regular file, OSError for what cannot be opened."""
    _require_regular(os.stat(path), path)
    descriptor = os.open(path, OPEN)
    try:
        _require_regular(os.fstat(descriptor), path)
    except Unreadable:
        os.close(descriptor)
        raise
    note(path)
    return descriptor


def _require_regular(status: os.stat_result, path: Path) -> None:
    if kind := irregular(status):
        raise Unreadable(path, f"is {kind}, not a regular file")


def read_bytes(path: Path, most: int) -> bytes:
    """The contents of a file; Unreadable if they are more than `most` bytes."""
    with os.fdopen(open_regular(path), "rb") as file:
        return read_all(file, path, most)


def read_all(file: BinaryIO, name: object, most: int) -> bytes:
    """What is left in an open file, bounded, for a stream may never end."""
    data = file.read(most + 1)
    if len(data) > most:
        raise Unreadable(name, f"holds more than {most} bytes")
    return data


def read_text(path: Path, most: int) -> str:
    """The text of a file; Unreadable if it is not UTF-8, or more than `most` bytes."""
    return decoded(read_bytes(path, most), path)


def decoded(data: bytes, name: object) -> str:
    """UTF-8 bytes as text; `name` is that of the file."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(name, f"is not UTF-8 text, see byte {error.start}") from None


def fill_from(descriptor: int, offset: int, out: Any) -> bool:
    """Fill a buffer with the bytes at an offset of a file; whether there were as many."""
    view = memoryview(out)
    while len(view):
        count = os.preadv(descriptor, [view], offset)
        if not count:
            return False
        view, offset = view[count:], offset + count
    return True
