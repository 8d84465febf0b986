"""Parameters by reference: a program that names ranges of files and says how to use them.

    weight = FileRange("model.onnx.data", 0, (64,), F32)
    refer([(0, weight)], Path("models/gpt2"), Path("models")).load(params_size=256)

Of each file the program keeps the size and the checksums of the ranges it reads, in blocks of
4 MiB, which a thread computes beside the compiler. A block is verified as it is read. That notices
accidents, not intent: a program that travels has its parameters embedded, where each block has a
SHA-256 of its own.

Files in the folder of the program or below it have relative paths, so that both can move together;
others have absolute ones. No path holds `..` and no link is followed on the way, and a file is used
only by a program that states its checksums.

Devices share the recipes, of which some are shards; `load` reads what one of them holds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from runtime.errors import Invalid, Malformed
from runtime.weights.checksums import SUM_BYTES
from runtime.weights.image import Image
from runtime.weights.recipe_json import recipe_from_json, recipe_to_json
from runtime.weights.recipes import Recipe, file_ranges, nbytes, renamed, shardings
from runtime.weights.referenced_files import ReferencedFiles, SourceFile
from runtime.weights.source_files import ContainedFiles, Span, Sums, is_plain, part_count

Param = tuple[int, Recipe]
T = TypeVar("T")

INFLATION = 32
"""
Parameters may take this many times the bytes of their files: a small file is no bomb.

Numbers of 2 bits take 16 times their bytes in f32, before extents are padded for devices.
"""
SMALL_BYTES = 64 << 20


@dataclass(frozen=True)
class References:
    """The address of each parameter with its recipe, and the files that they read, by path.

    `folder` is what paths are relative to; None before it is known.
    """

    files: tuple[SourceFile, ...]
    params: tuple[Param, ...]
    folder: Path | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        """JSON-able form, without the folder."""
        return {
            "files": [[f.path, f.size, f.sums] for f in self.files],
            "params": [[at, recipe_to_json(recipe)] for at, recipe in self.params],
        }

    @staticmethod
    def from_json(data: object, folder: Path | None = None) -> References:
        """The references of `to_json`; Malformed for anything else."""
        table = cast(dict[str, Any], data)
        if not isinstance(data, dict) or set(table) != {"files", "params"}:
            raise Malformed("the table of references has other parts than files and params")
        files = _rows(table["files"], (str, int, str), SourceFile)
        return References(files, _rows(table["params"], (int, list), _param), folder)

    def validate(self, params_size: int, devices: int = 1) -> None:
        """Raise Invalid unless parameters fit, do not overlap and stay within their files."""
        sizes = {file.path: file.size for file in self.files}
        ordered = [file.path for file in self.files] == sorted(sizes)
        if not ordered or not all(map(is_plain, sizes)):
            raise Invalid("the files of weights are not in order, or have no plain path")
        end = self._end(devices)
        spans = self.spans()
        for path, ranges in spans.items():
            if max(stop for _, stop in ranges) > sizes.get(path, -1):
                raise Invalid(f"a parameter lies outside of {path!r}")
        if end > params_size:
            raise Invalid(f"parameters exceed the {params_size} bytes of the interface")
        if params_size > SMALL_BYTES + INFLATION * sum(sizes.values()):
            raise Invalid(f"parameters of {params_size} bytes do not come from so small files")
        for file in self.files:
            count = part_count(spans.get(file.path, ()))
            is_hex = re.fullmatch("[0-9a-f]*", file.sums)
            if not is_hex or len(file.sums) != 2 * SUM_BYTES * count:
                raise Invalid(f"{file.path!r} has no checksum for each of its {count} blocks")

    def _end(self, devices: int) -> int:
        """Behind the last parameter; Invalid if some overlap or are shared by other devices."""
        end = 0
        for at, recipe in self.params:
            if at < end:
                raise Invalid(f"the parameter at {at} overlaps the one before it")
            if any(sharding.devices != devices for sharding in shardings(recipe)):
                raise Invalid(f"the parameter at {at} is not shared by {devices} devices")
            end = at + nbytes(recipe.shape, recipe.dtype)
        return end

    def spans(self) -> dict[str, list[Span]]:
        """The ranges that are read, for each file."""
        spans: dict[str, list[Span]] = {}
        for _, recipe in self.params:
            for part in file_ranges(recipe):
                stop = part.offset + nbytes(part.shape, part.dtype)
                spans.setdefault(part.path, []).append((part.offset, stop))
        return spans

    def seen_from(self, folder: Path) -> References:
        """The same files, named from another folder."""
        folder = Path(os.path.realpath(folder))
        if self.folder is None or self.folder == folder:
            return replace(self, folder=folder)
        paths = {f.path: path_from(folder, self.folder / f.path) for f in self.files}
        files = sorted((f._replace(path=paths[f.path]) for f in self.files), key=lambda f: f.path)
        params = tuple((at, renamed(recipe, paths)) for at, recipe in self.params)
        return References(tuple(files), params, folder)

    def load(
        self, params_size: int, trusted: bool = False, devices: Sequence[int] = (0,)
    ) -> list[Image]:
        """The parameters of some devices; Unlinked if a block that is read is not as it was.

        If they are `trusted`, nobody looks. What several have parts of is read once for all.
        """
        from runtime.weights.streaming.normal import normal
        from runtime.weights.streaming.pieces import fill

        images = {device: np.zeros(params_size, np.uint8) for device in devices}
        folder = self.folder or Path()
        with ContainedFiles(folder) if trusted else self._verified() as files:
            for at, recipe in self.params:
                size, shape = nbytes(recipe.shape, recipe.dtype), recipe.shape
                if size:
                    held = ((d, image[at : at + size]) for d, image in images.items())
                    outs = {d: part.view(recipe.dtype.dtype).reshape(shape) for d, part in held}
                    fill(normal(recipe), tuple(map(range, shape)), outs, files)
        return [Image(images[device]) for device in devices]

    def check(self) -> None:
        """Raise Unlinked unless each file has the size and all its blocks their checksums."""
        assert self.folder is not None, "references of a program that was not loaded"
        with self._verified() as files:
            files.check()

    def _verified(self) -> ReferencedFiles:
        return ReferencedFiles(self.folder or Path(), self.files, self.spans())


def refer(
    params: Sequence[Param], model_folder: Path, folder: Path, sums: Sums | None = None
) -> References:
    """References to the files of a model, for a program in `folder`; `sums` has some already."""
    if sums is None:
        with Sums() as made:
            return refer(params, model_folder, folder, made)
    folder = Path(os.path.realpath(folder))
    names = sorted({part.path for _, recipe in params for part in file_ranges(recipe)})
    paths = {name: path_from(folder, model_folder / name) for name in names}
    named = tuple((at, renamed(recipe, paths)) for at, recipe in params)
    spans = References((), named).spans()
    with ContainedFiles(folder) as files:
        found = [_as_it_is(path, files, spans[path], sums) for path in sorted(set(paths.values()))]
    return References(tuple(found), named, folder)


def path_from(folder: Path, file: Path) -> str:
    """The path of a file, links resolved: from a folder that it lies in, else from the root."""
    real = Path(os.path.realpath(file))
    return (real.relative_to(folder) if real.is_relative_to(folder) else real).as_posix()


def _as_it_is(path: str, files: ContainedFiles, spans: Sequence[Span], sums: Sums) -> SourceFile:
    with files.opened(path) as descriptor:
        return SourceFile(path, os.fstat(descriptor).st_size, sums.of(descriptor, spans).hex())


def _rows(data: object, types: tuple[type, ...], make: Callable[..., T]) -> tuple[T, ...]:
    """Each row of a table as what `make` makes of its cells."""
    if not isinstance(data, list):
        raise Malformed("a table of references is no list")
    made: list[T] = []
    for row in cast(list[object], data):
        cells = cast(list[object], row)
        if not isinstance(row, list) or tuple(map(type, cells)) != types:
            raise Malformed("a row of references has cells of other types")
        made.append(make(*cells))
    return tuple(made)


def _param(at: int, recipe: list[Any]) -> Param:
    return (at, recipe_from_json(recipe))
