"""
Write files whole or not at all.

What is written goes to a temporary file in the folder of the target, is flushed to the disk and
then takes the target's name; a crash at any moment leaves the old file or the new one.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path

from lpuc.errors import UserError
from runtime.files import noted


def check_output(target: Path, inputs: Iterable[Path] = ()) -> None:
    """
    Refuse an output that could not or must not be replaced, before work is put into it.

    Those are `inputs` and what was read since `noting` began, by whatever name.
    """
    if target.is_dir():
        raise UserError("is a folder; name a file", file=target)
    if not target.exists():
        if not target.parent.is_dir():
            raise UserError("its folder does not exist", file=target)
        return
    if not target.is_file():
        raise UserError("is not a regular file", file=target)
    for source in (*inputs, *noted()):
        if source.exists() and os.path.samefile(source, target):
            raise UserError("is an input too; choose another output", file=target)


def _mode(target: Path) -> int:
    """The permissions of the file to replace, or what the process gives to new files."""
    with suppress(FileNotFoundError):
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacing(
    output: str | Path, inputs: Iterable[Path] = (), durable: bool = True
) -> Generator[Path]:
    """
    A path to write to, which becomes `output` when the block ends without an error.

    Refuses an output as `check_output` does. A link is followed. What is not `durable` may be
    lost, or empty, if the machine stops; not if the process does.
    """
    named, target = Path(output), Path(os.path.realpath(output))
    check_output(named, inputs)
    try:
        descriptor, name = tempfile.mkstemp(prefix=".lpuc-", dir=target.parent)
    except OSError as error:
        raise UserError(error.strerror or str(error), file=named) from None
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, _mode(target))
        if durable:
            _sync(temporary, os.O_RDONLY)
        os.replace(temporary, target)
        if durable:
            _sync(target.parent, os.O_RDONLY)
    except OSError as error:
        if error.filename not in (None, name):
            raise
        raise UserError(error.strerror or str(error), file=named) from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def write_text(
    output: str | Path, text: str, inputs: Iterable[Path] = (), durable: bool = True
) -> None:
    """Write a text file, whole or not at all."""
    with replacing(output, inputs, durable) as temporary:
        temporary.write_text(text, encoding="utf-8")
