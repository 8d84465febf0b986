"""
Opening the files of a model without being led astray.

Only regular files are opened, never blocking. External data must lie, links resolved, under the
folder the model was named in or under the folder its own link leads to (model caches are links).
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dialects.errors import CompileError
from dialects.names import escape
from lpuc.onnx_import.budgets import Budgets
from lpuc.onnx_import.reading.window import FileBytes
from runtime.files import OPEN, irregular, note
from runtime.weights.source_files import open_below


def _require_regular(status: os.stat_result, name: str) -> None:
    if kind := irregular(status):
        raise CompileError(f"{name} is {kind}", hint="give the path of an .onnx file")


def _failure(error: OSError | ValueError, name: str, hint: str | None = None) -> CompileError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return CompileError(f"cannot open {name}: {reason}", hint=hint)


@contextmanager
def open_model(path: Path, budgets: Budgets) -> Generator[FileBytes]:
    """The bytes of a model file, for as long as the context lasts."""
    name = escape(path.name)
    try:
        _require_regular(os.stat(path), name)
        descriptor = os.open(path, OPEN)
    except (OSError, ValueError) as error:
        raise _failure(error, name) from None
    try:
        status = os.fstat(descriptor)
        _require_regular(status, name)
        budgets.check("file_bytes", status.st_size, f"{name} in bytes")
        if status.st_size == 0:
            raise CompileError(f"{name} is empty")
        note(path)
        yield FileBytes(descriptor, status.st_size)
    finally:
        os.close(descriptor)


class ExternalFiles:
    """The external data files beside a model: contained, regular, of known size."""

    def __init__(self, model: Path, absent_ok: bool = False) -> None:
        self.absent_ok = absent_ok
        self.folder = model.parent
        roots = [os.path.realpath(model.parent), os.path.dirname(os.path.realpath(model))]
        self.roots = tuple(dict.fromkeys(roots))
        self.sizes: dict[str, int] = {}
        self.absent: dict[str, bool] = {}

    def is_absent(self, location: str) -> bool:
        """Whether a data file does not exist, and need not."""
        if not self.absent_ok:
            return False
        if location not in self.absent:
            root, inner, _ = self._place(location)
            self.absent[location] = not os.path.lexists(os.path.join(root, inner))
        return self.absent[location]

    def size(self, location: str) -> int:
        """The size of a data file; CompileError says why it cannot be used."""
        if location not in self.sizes:
            descriptor = self._open(location)
            self.sizes[location] = os.fstat(descriptor).st_size
            os.close(descriptor)
        return self.sizes[location]

    def read(self, location: str, offset: int, count: int) -> bytes:
        """Bytes of a data file that `size` has shown to be there."""
        descriptor = self._open(location)
        try:
            return os.pread(descriptor, count, offset)
        finally:
            os.close(descriptor)

    def _place(self, location: str) -> tuple[str, str, str]:
        """The root a location lies under, the path from there, and its name for messages."""
        name = f"the data file '{escape(location)}'"
        if not location or "\0" in location:
            raise CompileError(f"{name} has no valid name")
        if os.path.isabs(location):
            raise CompileError(f"{name} has an absolute path", hint="keep it beside the model")
        return (*self._contain(location, name), name)

    def _open(self, location: str) -> int:
        root, inner, name = self._place(location)
        try:
            descriptor = open_below(Path(root), inner)
        except (OSError, ValueError) as error:
            raise _failure(error, name, f"it belongs in {self.folder}") from None
        try:
            status = os.fstat(descriptor)
            _require_regular(status, name)
            if status.st_nlink > 1:
                raise CompileError(f"{name} has several hard links", hint="copy it")
        except CompileError:
            os.close(descriptor)
            raise
        note(self.folder / location)
        return descriptor

    def _contain(self, location: str, name: str) -> tuple[str, str]:
        """The root a location lies under and the path from there."""
        try:
            real = os.path.realpath(self.folder / location)
        except (OSError, ValueError) as error:
            raise _failure(error, name) from None
        for root in self.roots:
            if real.startswith(root.rstrip("/") + "/"):
                return root, os.path.relpath(real, root)
        raise CompileError(
            f"{name} lies outside the model's folder", hint="keep it beside the model"
        )
