"""A program: code, parameters, entries, provenance and the target it was compiled for.

For example:

    program = Program.load("model.lpu")
    program.entry("generate").pc
    program.write("copy.lpu")
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np

from runtime.errors import Invalid, Malformed, Unlinkable, Unlinked, Unreadable
from runtime.files import open_regular
from runtime.isa.encoding import decode, encode
from runtime.isa.spec import ISA_VERSION, Inst
from runtime.program.bounds import Bounds
from runtime.program.container import (
    MAX_SECTIONS,
    Kind,
    Section,
    digest,
    header_bytes,
    unpack_header,
)
from runtime.program.interface import Interface
from runtime.program.interface_json import STEP, Entry, entries_from_json, entries_to_json
from runtime.program.provenance import Provenance
from runtime.program.validation import validate
from runtime.program.writing import Piece, write_file
from runtime.target import Target
from runtime.weights.checksums import SUM_BYTES
from runtime.weights.image import DIGEST_BYTES, Check, Image, Origin, block_count
from runtime.weights.mapping import FileBytes
from runtime.weights.references import References


def _no_params() -> Image:
    return Image(np.empty(0, np.uint8))


MOST_VALUES = 1 << 20


def to_text(data: object) -> str:
    """Canonical JSON, the only spelling that a program file may hold."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def from_text(text: str) -> object:
    """The data of JSON text; ValueError for anything else, and for half a surrogate pair.

    A value takes up to a hundred bytes here, and three in the text, so their number is bounded.
    """
    if sum(map(text.count, ",[{")) > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES} values")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if "\\ud" in text.lower() and not _is_encodable(data):
        raise ValueError("a name holds half a surrogate pair, which no text does")
    return data


def _is_encodable(data: object) -> bool:
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True)
class Program:
    """What a `.lpu` file holds. `params` are bytes, from the file after `load`.

    `interface` is that of the entry `step`; `others` are further entries by name. `params` is empty
    when the parameters are `references`, or when there are none: that program cannot run. They are
    verified before they are used, unless the file is `trusted`.
    """

    code: tuple[Inst, ...]
    interface: Interface
    provenance: Provenance
    target: Target
    params: Image = field(default_factory=_no_params, compare=False, repr=False)
    others: tuple[Entry, ...] = ()
    references: References | None = None
    trusted: bool = field(default=False, compare=False)
    devices: int = 1

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries by name, `step` first."""
        return ((STEP, self.interface), *self.others)

    def entry(self, name: str) -> Interface:
        """The interface of an entry; Unlinkable when the program has none of this name."""
        for known, interface in self.entries:
            if known == name:
                return interface
        names = ", ".join(known for known, _ in self.entries)
        raise Unlinkable(name, f"one of the entries {names}", repr(name))

    @cached_property
    def bounds(self) -> Bounds:
        """What a run takes at most; Invalid when code, entries and target contradict each other."""
        found = validate(self.code, self.entries, self.target)
        self.provenance.check_end(sum(inst.WORDS for inst in self.code))
        if self.references is not None:
            self.references.validate(self.interface.params_size)
        return found

    def validate(self) -> None:
        """Raise Invalid when the parts contradict each other."""
        assert self.bounds.elements

    @cached_property
    def linked_params(self) -> Image:
        """The parameters, made from references where need be; Unlinked when there are none."""
        size = self.interface.params_size
        if self.params.size == size:
            return self.params
        if self.references is None:
            raise Unlinked("the program holds no weights: it can be inspected, not run")
        return self.references.load(size, self.trusted)

    def sections(self) -> dict[Kind, bytes]:
        """The sections that are held in memory."""
        return {
            Kind.CODE: encode(self.code),
            Kind.INTERFACE: to_text(entries_to_json(self.entries)).encode(),
            Kind.PROVENANCE: to_text(self.provenance.to_json()).encode(),
            Kind.TARGET: to_text(self.target.to_json()).encode(),
            Kind.BOUNDS: to_text(self.bounds.to_json()).encode(),
        }

    def write(self, path: str | Path, params_pieces: Iterable[Piece] | None = None) -> None:
        """Write the program; (offset, buffer) pieces in ascending order replace `params`.

        Parameters from a file are written, and so signed, only if each block has its SHA-256.
        Without pieces and without `params` the file has the references, or no weights at all.
        """
        self.validate()
        path, size, sections = Path(path), self.interface.params_size, self.sections()
        pieces = params_pieces
        if pieces is None and self.params.size == size:
            pieces = self.params.pieces()
        if pieces is None and self.references is not None:
            references = self.references.seen_from(path.parent)
            sections[Kind.RECIPES] = to_text(references.to_json()).encode()
        write_file(path, sections, size, pieces)

    @staticmethod
    def load(path: str | Path, check: Check = "used") -> "Program":
        """Read and check a program; `check` says which parameters, which are mapped if large."""
        path = Path(path)
        try:
            with os.fdopen(open_regular(path), "rb") as file:
                program = _read(file, path, check == "none")
        except Unreadable:
            raise
        except Malformed as error:
            raise Malformed(f"{path}: {error}") from None
        except Invalid as error:
            raise Invalid(f"{path}: {error}") from None
        except OSError as error:
            raise Malformed(f"{path}: cannot be read: {error.strerror}") from None
        if check == "all":
            program.check_params()
        return program

    def check_params(self) -> None:
        """Raise Malformed or Unlinked unless every block of the parameters is as it was."""
        if self.references is not None:
            self.references.check()
        self.params.check()


def _read(file: BinaryIO, path: Path, trusted: bool) -> Program:
    file_length = os.fstat(file.fileno()).st_size
    head = file.read(header_bytes(MAX_SECTIONS))
    sections = unpack_header(head, file_length, ISA_VERSION)
    known = [kind for kind in Kind if kind in sections and kind != Kind.PARAMS]
    contents = {kind: _section(file, sections[kind]) for kind in known}
    _check_gaps(file, sections)
    (_, interface), *others = entries_from_json(_json(contents, Kind.INTERFACE))
    program = Program(
        code=decode(contents[Kind.CODE]),
        interface=interface,
        provenance=Provenance.from_json(_json(contents, Kind.PROVENANCE)),
        target=Target.from_json("target section", _json(contents, Kind.TARGET)),
        params=_image(file, path, sections, contents, trusted),
        others=tuple(others),
        references=_references(contents, path),
        trusted=trusted,
    )
    if Kind.PARAMS in sections and program.params.size != interface.params_size:
        raise Invalid("the parameter section and the interface differ in size")
    if to_text(program.bounds.to_json()).encode() != contents[Kind.BOUNDS]:
        raise Invalid("the bounds in the file are not what the code gives")
    return program


def _references(contents: dict[Kind, bytes], path: Path) -> References | None:
    if Kind.RECIPES not in contents:
        return None
    folder = Path(os.path.realpath(path)).parent
    return References.from_json(_json(contents, Kind.RECIPES), folder)


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
        data = from_text(text)
    except ValueError as error:
        raise Malformed(f"section {kind.name}: {error}") from None
    if to_text(data) != text:
        raise Malformed(f"section {kind.name} is not canonical JSON")
    return data


def _image(
    file: BinaryIO,
    path: Path,
    sections: dict[int, Section],
    contents: dict[Kind, bytes],
    trusted: bool,
) -> Image:
    section = sections.get(Kind.PARAMS)
    if section is None or not section.length:
        return _no_params()
    sums, digests = contents[Kind.PARAMSUMS], contents[Kind.PARAMDIGEST]
    count = block_count(section.length)
    if len(sums) != SUM_BYTES * count or len(digests) != DIGEST_BYTES * count:
        raise Malformed("a table of parameter blocks has the wrong length")
    stored = FileBytes(file.fileno(), section.offset, section.length)
    return Image(stored.data, Origin(str(path), section.offset, sums, digests, stored), trusted)
