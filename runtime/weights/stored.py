"""The parameters of several devices in one file, each of which is mapped when it is asked for.

    images = StoredImages(descriptor, "model.lpu", [Place(4096, 1 << 20, sums, digests), ...])
    images[3].data

A device that asks for its own never touches those of the others. That it has its own, and not those
of another, is verified then, in a block where they differ: everything else may wait for its use.
"""

import os
import weakref
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import NamedTuple, overload

import numpy as np

from runtime.errors import Malformed
from runtime.weights.checksums import SUM_BYTES, block_sum
from runtime.weights.image import BLOCK_BYTES, Array, Image, Origin
from runtime.weights.mapping import FileBytes


class Place(NamedTuple):
    """Where the parameters of a device lie, with the checksum and the SHA-256 of each block."""

    offset: int
    length: int
    sums: bytes
    digests: bytes

    def image(self, descriptor: int, path: str, trusted: bool) -> Image:
        """The parameters, which are read or mapped now and verified later, unless `trusted`."""
        stored = FileBytes(descriptor, self.offset, self.length)
        origin = Origin(path, self.offset, self.sums, self.digests, stored)
        return Image(stored.data, origin, trusted)


def together(images: Sequence[Image]) -> Iterator[tuple[int, list[Array]]]:
    """The bytes of all devices in pieces, with their positions, as `Image.pieces` gives them."""
    for pieces in zip(*(image.pieces() for image in images), strict=True):
        (at, _), *_ = pieces
        yield at, [piece for _, piece in pieces]


class StoredImages(Sequence[Image]):
    """By device. Threads may share them; the file stays open, and may get another name."""

    def __init__(
        self, descriptor: int, path: str, places: Sequence[Place], trusted: bool = False
    ) -> None:
        self._path, self._places, self._trusted = path, places, trusted
        self._descriptor = os.dup(descriptor)
        weakref.finalize(self, os.close, self._descriptor)
        self._made: dict[int, Image] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Image: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Image]: ...

    def __getitem__(self, index: int | slice) -> Image | Sequence[Image]:
        if isinstance(index, slice):
            return [self[device] for device in range(len(self))[index]]
        with self._lock:
            if index not in self._made:
                self._made[index] = self._image(index)
            return self._made[index]

    def _image(self, device: int) -> Image:
        try:
            image = self._places[device].image(self._descriptor, self._path, self._trusted)
        except Malformed as error:
            raise Malformed(f"{self._path}: {error}") from None
        if not self._trusted:
            self._require_own(device, image)
        return image

    def _require_own(self, device: int, image: Image) -> None:
        """Malformed if a block that tells a device from another is that of another."""
        sums = [place.sums for place in self._places]
        telling = {_first_difference(sums[device], other) for other in sums}
        for block in [block for block in telling if block is not None]:
            at = slice(block * SUM_BYTES, (block + 1) * SUM_BYTES)
            found = block_sum(image.data[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES])
            owners = [number for number, known in enumerate(sums) if known[at] == found]
            if owners and device not in owners:
                raise Malformed(
                    f"{self._path}: the parameters of device {device} are those of device "
                    f"{owners[0]}: the file is damaged; copy it again, or compile the model anew"
                )
            image.require(block * BLOCK_BYTES, block * BLOCK_BYTES + 1)


def _first_difference(sums: bytes, others: bytes) -> int | None:
    """The first block whose checksums differ."""
    differs = np.frombuffer(sums, np.uint8) != np.frombuffer(others, np.uint8)
    return int(differs.argmax()) // SUM_BYTES if differs.any() else None
