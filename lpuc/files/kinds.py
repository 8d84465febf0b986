"""
What a file is, by how it begins, so that a wrong one gets a sentence that helps.

    require(Path("model.onnx"), PROGRAM)

raises `UserError`: is an ONNX model, not a program; `lpuc compile` takes it.
"""

from __future__ import annotations

import os
from codecs import getincrementaldecoder
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lpuc.errors import UserError
from runtime.files import open_regular
from runtime.program.file.container import MAGIC

HEAD_BYTES = 4096
NEWEST_IR = 100
"""Versions of ONNX's format are small numbers, the first thing in a model; 13 is in use."""


@dataclass(frozen=True)
class Kind:
    """A kind of file: what it is called, which command takes it, and how it begins."""

    name: str
    hint: str
    is_begun_by: Callable[[bytes], bool]


def _begins_model(head: bytes) -> bool:
    """Whether the field `ir_version` comes first, as every exporter writes it."""
    return len(head) > 1 and head[0] == 8 and 0 < head[1] < NEWEST_IR and not _begins_text(head)


def _begins_text(head: bytes) -> bool:
    try:
        text = getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(c.isprintable() or c in "\n\r\t\f" for c in text[:HEAD_BYTES])


EMPTY = Kind("empty", "", lambda head: not head)
PROGRAM = Kind(
    "a program",
    "`lpuc run` and `lpuc generate` take it, `lpuc disasm` prints it",
    lambda head: head.startswith(MAGIC),
)
ARCHIVE = Kind(
    "an archive such as .npz",
    "`lpuc run PROGRAM --inputs` takes one of tensors",
    lambda head: head.startswith((b"PK\x03\x04", b"PK\x05\x06")),
)
TEXT = Kind("text", "`lpuc asm` takes assembly, `lpuc opt` takes IR", _begins_text)
MODEL = Kind("an ONNX model", "`lpuc compile` takes it", _begins_model)
KINDS = (EMPTY, PROGRAM, ARCHIVE, TEXT, MODEL)


def kind_of(path: Path) -> Kind | None:
    """What a regular file is; None if nothing is known that begins like it."""
    with os.fdopen(open_regular(path), "rb") as file:
        head = file.read(HEAD_BYTES)
    return next((kind for kind in KINDS if kind.is_begun_by(head)), None)


def require(path: Path, wanted: Kind) -> None:
    """Refuse a file that is known to be of another kind; what is unknown, its reader refuses."""
    found = kind_of(path)
    if found in (None, wanted):
        return
    assert found is not None
    hint = f"; {found.hint}" if found.hint else ""
    raise UserError(f"is {found.name}, not {wanted.name}{hint}", file=path)
