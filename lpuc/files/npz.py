"""
Read and write `.npz` files: named tensors, no pickles.

A file of a user can be anything: sizes are checked against a limit before something is allocated,
and whatever numpy or zipfile raises becomes one clear error.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping
from math import prod
from os import PathLike
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from lpuc.errors import UserError
from lpuc.files.disk import replacing
from lpuc.files.kinds import ARCHIVE, require
from runtime.calling.arguments import arrays_of
from runtime.errors import Error
from runtime.files import open_regular
from runtime.program.interface import Interface

Arrays = dict[str, np.ndarray[Any, Any]]
Inputs = Mapping[str, Any] | str | PathLike[str]
"""Tensors by name, or a file that holds them."""

_SUFFIX = ".npy"
HEADER_BYTES = 4096
"""Room for the header of a tensor in a file."""


def inputs_of(inputs: Inputs, interface: Interface) -> Arrays:
    """The tensors of a call, which gives them by name or names a file that holds them."""
    if isinstance(inputs, str | PathLike):
        most = interface.greatest
        sizes = (prod(port.extents(most)) * 8 + HEADER_BYTES for port in interface.inputs)
        inputs = read_npz(Path(inputs), sum(sizes) + HEADER_BYTES)
    return arrays_of(interface, inputs)


def read_npz(path: Path, limit: int) -> Arrays:
    """The tensors of a file; refuses one that would unpack to more than `limit` bytes."""
    require(path, ARCHIVE)
    try:
        with os.fdopen(open_regular(path), "rb") as file, zipfile.ZipFile(file) as archive:
            _check_size(archive, limit, path)
            return {_tensor_name(i.filename, path): _read(archive, i) for i in archive.infolist()}
    except (Error, MemoryError):
        raise
    except Exception as error:
        raise UserError(f"is not a readable .npz file: {error}", file=path) from error


def _check_size(archive: zipfile.ZipFile, limit: int, path: Path) -> None:
    total = sum(info.file_size for info in archive.infolist())
    if total > limit:
        raise UserError(f"unpacks to {total} bytes, the inputs have at most {limit}", file=path)


def _tensor_name(member: str, path: Path) -> str:
    if not member.endswith(_SUFFIX):
        raise UserError(f"member '{member}' is not a tensor", file=path)
    return member.removesuffix(_SUFFIX)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray[Any, Any]:
    with archive.open(info) as stream:
        major, _ = np.lib.format.read_magic(stream)
        read_header = {
            1: np.lib.format.read_array_header_1_0,
            2: np.lib.format.read_array_header_2_0,
        }
        if major not in read_header:
            raise ValueError(f"{info.filename}: unknown version of the format")
        shape, fortran, dtype = read_header[major](stream)
        count = int(np.prod(shape, dtype=object))
        fits = 0 <= count * dtype.itemsize <= info.file_size and min(shape, default=0) >= 0
        if dtype.hasobject or not fits:
            raise ValueError(f"{info.filename}: its header does not fit its contents")
        data = stream.read(count * dtype.itemsize)
    flat = np.frombuffer(data, dtype, count)
    return flat.reshape(shape, order="F" if fortran else "C")


def write_npz(
    path: Path, arrays: Mapping[str, np.ndarray[Any, Any]], inputs: Iterable[Path]
) -> None:
    """Write tensors, the same bytes for the same tensors; bfloat16 becomes float32."""
    with replacing(path, inputs) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            if array.dtype == ml_dtypes.bfloat16:
                array = array.astype(np.float32)
            with archive.open(zipfile.ZipInfo(name + _SUFFIX), "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.asarray(array, order="C"), allow_pickle=False)
