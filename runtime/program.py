"""A program: code, parameters, interface, provenance and the target it was compiled for.

For example:

    program = Program.load("model.lpu")
    program.write("copy.lpu")
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from runtime import interface_json
from runtime.container import (
    BLOCK_BYTES,
    MAX_SECTIONS,
    Kind,
    Section,
    digest,
    header_bytes,
    unpack_header,
)
from runtime.errors import Invalid, Malformed
from runtime.interface import Interface
from runtime.isa.encoding import decode, encode
from runtime.isa.spec import ISA_VERSION, Inst
from runtime.provenance import Provenance
from runtime.target import Target
from runtime.validation import validate
from runtime.writing import Piece, digest_count, write_file

Array = np.ndarray[Any, np.dtype[Any]]


def _no_params() -> Array:
    return np.empty(0, np.uint8)


def to_text(data: object) -> str:
    """Canonical JSON, the only spelling that a program file may hold."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


@dataclass(frozen=True)
class Program:
    """What a `.lpu` file holds. `params` are bytes (u8), mapped from the file after `load`."""

    code: tuple[Inst, ...]
    interface: Interface
    provenance: Provenance
    target: Target
    params: Array = field(default_factory=_no_params, compare=False, repr=False)
    param_digests: bytes = field(default=b"", compare=False, repr=False)

    def validate(self) -> None:
        """Raise Invalid when code, interface and target contradict each other."""
        validate(self.code, self.interface, self.target)

    def sections(self) -> dict[Kind, bytes]:
        """The sections that are held in memory."""
        return {
            Kind.CODE: encode(self.code),
            Kind.INTERFACE: to_text(interface_json.to_json(self.interface)).encode(),
            Kind.PROVENANCE: to_text(self.provenance.to_json()).encode(),
            Kind.TARGET: to_text(self.target.to_json()).encode(),
        }

    def write(self, path: str | Path, params_pieces: Iterable[Piece] | None = None) -> None:
        """Write the program; (offset, buffer) pieces in ascending order replace `params`."""
        self.validate()
        pieces = [(0, self.params)] if params_pieces is None else params_pieces
        write_file(Path(path), self.sections(), self.interface.params_size, pieces)

    @staticmethod
    def load(path: str | Path, check_params: bool = False) -> "Program":
        """Read and check a program; parameters are mapped, and digested only on request."""
        path = Path(path)
        try:
            with path.open("rb") as file:
                program = _read(file, path)
        except Malformed as error:
            raise Malformed(f"{path}: {error}") from None
        except Invalid as error:
            raise Invalid(f"{path}: {error}") from None
        except OSError as error:
            raise Malformed(f"{path}: cannot be read: {error.strerror}") from None
        if check_params:
            program.check_params()
        return program

    def check_params(self) -> None:
        """Raise Malformed unless every parameter block has its digest."""
        for block in range(digest_count(self.params.size)):
            data = self.params[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES].tobytes()
            if digest(data) != self.param_digests[32 * block : 32 * block + 32]:
                raise Malformed(f"parameter block {block} (1 MiB) does not match its digest")


def _read(file: BinaryIO, path: Path) -> Program:
    file_length = path.stat().st_size
    head = file.read(header_bytes(MAX_SECTIONS))
    sections = unpack_header(head, file_length, ISA_VERSION)
    contents = {kind: _section(file, sections[kind]) for kind in Kind if kind != Kind.PARAMS}
    _check_gaps(file, sections)
    program = Program(
        code=decode(contents[Kind.CODE]),
        interface=interface_json.from_json(_json(contents, Kind.INTERFACE)),
        provenance=Provenance.from_json(_json(contents, Kind.PROVENANCE)),
        target=Target.from_json("target section", _json(contents, Kind.TARGET)),
        params=_map(path, sections[Kind.PARAMS]),
        param_digests=contents[Kind.PARAMDIGEST],
    )
    if program.params.size != program.interface.params_size:
        raise Invalid("the parameter section and the interface differ in size")
    if len(program.param_digests) != 32 * digest_count(program.params.size):
        raise Malformed("the table of parameter digests has the wrong length")
    program.validate()
    return program


def _section(file: BinaryIO, section: Section) -> bytes:
    file.seek(section.offset)
    data = file.read(section.length)
    if digest(data) != section.digest:
        raise Malformed(f"section {Kind(section.kind).name} does not match its digest")
    return data


def _check_gaps(file: BinaryIO, sections: dict[int, Section]) -> None:
    at = header_bytes(len(sections))
    for section in sections.values():
        file.seek(at)
        if any(file.read(section.offset - at)):
            raise Malformed(f"bytes before section {section.kind} are not zero")
        at = section.end


def _json(contents: dict[Kind, bytes], kind: Kind) -> object:
    try:
        text = contents[kind].decode()
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed(f"section {kind.name} is not JSON") from None
    if to_text(data) != text:
        raise Malformed(f"section {kind.name} is not canonical JSON")
    return data


def _map(path: Path, section: Section) -> Array:
    if not section.length:
        return _no_params()
    return np.memmap(path, np.uint8, "r", section.offset, (section.length,))
