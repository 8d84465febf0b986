"""Reading a program file: its small sections at once, parameters when they are asked for."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from runtime.errors import Malformed
from runtime.isa.spec import ISA_VERSION
from runtime.program.file.canonical import from_text, to_text
from runtime.program.file.container import (
    MAX_SECTIONS,
    STORED,
    Kind,
    Section,
    digest,
    header_bytes,
    unpack_header,
)
from runtime.weights.checksums import SUM_BYTES
from runtime.weights.image import DIGEST_BYTES, Image, block_count
from runtime.weights.stored import Place, StoredImages


class StoredProgram:
    """The sections of an open file; Malformed unless it is whole and each has its digest."""

    def __init__(self, file: BinaryIO, path: Path, trusted: bool) -> None:
        self._file, self._path, self._trusted = file, path, trusted
        length = os.fstat(file.fileno()).st_size
        header = unpack_header(file.read(header_bytes(MAX_SECTIONS)), length, ISA_VERSION)
        self.devices = header.devices
        self._sections = header.sections
        shared = [kind for kind in Kind if (kind, 0) in header.sections and kind not in STORED]
        self.contents = {kind: self._section(kind) for kind in shared}
        self._check_gaps()

    @property
    def params_size(self) -> int | None:
        """The bytes of parameters of each device, None if the file holds none."""
        section = self._sections.get((Kind.PARAMS, 0))
        return None if section is None else section.length

    def text(self, kind: Kind) -> str:
        """A section as text."""
        try:
            return self.contents[kind].decode()
        except ValueError:
            raise Malformed(f"section {kind.name} is no text") from None

    def json(self, kind: Kind) -> object:
        """The data of a section of JSON."""
        text = self.text(kind)
        try:
            data = from_text(text)
        except ValueError as error:
            raise Malformed(f"section {kind.name}: {error}") from None
        if to_text(data) != text:
            raise Malformed(f"section {kind.name} is not canonical JSON")
        return data

    def images(self) -> Sequence[Image]:
        """The parameters of each device, if the file holds any; those of one are mapped at once."""
        if not self.params_size:
            return ()
        places = [self._place(device) for device in range(self.devices)]
        file, name = self._file.fileno(), str(self._path)
        if len(places) == 1:
            return (places[0].image(file, name, self._trusted),)
        return StoredImages(file, name, places, self._trusted)

    def _place(self, device: int) -> Place:
        section = self._sections[Kind.PARAMS, device]
        sums = self._section(Kind.PARAMSUMS, device)
        digests = self._section(Kind.PARAMDIGEST, device)
        count = block_count(section.length)
        if len(sums) != SUM_BYTES * count or len(digests) != DIGEST_BYTES * count:
            raise Malformed("a table of parameter blocks has the wrong length")
        return Place(section.offset, section.length, sums, digests)

    def _section(self, kind: Kind, device: int = 0) -> bytes:
        section: Section = self._sections[kind, device]
        self._file.seek(section.offset)
        data = self._file.read(section.length)
        if digest(data) != section.digest:
            whose = f" of device {device}" if self.devices > 1 and kind in STORED else ""
            raise Malformed(f"section {kind.name}{whose} does not match its digest")
        return data

    def _check_gaps(self) -> None:
        at = header_bytes(len(self._sections))
        for section in self._sections.values():
            self._file.seek(at)
            if any(self._file.read(section.offset - at)):
                raise Malformed(f"bytes before section {section.kind} are not zero")
            at = section.end
