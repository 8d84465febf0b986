"""The files that a module's weights lie in, where in them, and whether they are as they were."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from sys import getswitchinterval, setswitchinterval

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute

from dialects.lpu.weights import WeightAttr
from dialects.reading import all_within
from passes.analysis.functions import model_folder
from runtime.errors import Unlinked
from runtime.weights.recipes import file_ranges, nbytes
from runtime.weights.source_files import Span, Sums


def _attributes(module: ModuleOp) -> Generator[Attribute]:
    for op in all_within(module):
        yield from op.properties.values()
        yield from op.attributes.values()


def source_ranges(module: ModuleOp) -> dict[Path, list[Span]]:
    """The bytes of weights in each file, the files sorted by name."""
    folder, found = model_folder(module), dict[str, list[Span]]()
    weights = (a.data for a in _attributes(module) if isinstance(a, WeightAttr))
    for part in (part for weight in weights for part in file_ranges(weight)):
        stop = part.offset + nbytes(part.shape, part.dtype)
        found.setdefault(part.path, []).append((part.offset, stop))
    return {folder / path: found[path] for path in sorted(found)}


Stamp = tuple[int, ...]


@dataclass(frozen=True)
class Stamps:
    """
    When files were last written, as the file system says, None for those that do not exist.

    A compiled program reads its weights late. Comparing stamps costs nothing, and the time of the
    last change of an inode, unlike that of its contents, cannot be set back.
    """

    files: tuple[tuple[Path, Stamp | None], ...] = ()

    @staticmethod
    def of(paths: Iterable[Path]) -> Stamps:
        """The files as they are now."""
        return Stamps(tuple((path, _stamp(path)) for path in paths))

    def __add__(self, other: Stamps) -> Stamps:
        return Stamps(self.files + other.files)

    def require_unchanged(self) -> None:
        """Unlinked if a file was written, replaced or removed since."""
        for path, stamp in self.files:
            now = _stamp(path)
            if now != stamp:
                what = "changed" if now else "was removed, or the working directory changed,"
                raise Unlinked(f"{path}: {what} since it was compiled; compile it again")


HAND_OVER_SECONDS = 0.0005
"""After how long the compiler lets a thread that sums weights up go on."""

UNSTAMPED = Stamps()
"""Of no files: what was not compiled from files cannot change."""


def _stamp(path: Path) -> Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@contextmanager
def summing(sums: Sums | None, ranges: Mapping[Path, Sequence[Span]]) -> Generator[None]:
    """Sum weights up while something else runs, which hands over Python's lock more often."""
    if sums is None:
        yield
        return
    interval = getswitchinterval()
    setswitchinterval(HAND_OVER_SECONDS)
    try:
        for path, spans in ranges.items():
            sums.begin(path, spans)
        yield
    except BaseException:
        sums.close()
        raise
    finally:
        setswitchinterval(interval)
