"""A program: code, parameters, entries, provenance and the target it was compiled for.

For example:

    program = Program.load("model.lpu")
    program.entry("generate").pc
    program.write("copy.lpu")
"""

import json
import os
from collections.abc import Iterable, Sequence
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
from runtime.program.file.container import (
    MAX_SECTIONS,
    STORED,
    Header,
    Kind,
    Section,
    Sections,
    digest,
    header_bytes,
    unpack_header,
)
from runtime.program.file.writing import Piece, write_file
from runtime.program.interface import Interface
from runtime.program.interface_json import STEP, Entry, entries_from_json, entries_to_json
from runtime.program.provenance import Provenance
from runtime.program.validation import validate
from runtime.target import Target
from runtime.weights.checksums import SUM_BYTES
from runtime.weights.image import DIGEST_BYTES, Check, Image, block_count
from runtime.weights.references import References
from runtime.weights.stored import Place, StoredImages, together

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
    """What a `.lpu` file holds. `images` are the parameters of each device, from it after `load`.

    `interface` is that of the entry `step`; `others` are further entries by name. There are no
    `images` when the parameters are `references`, or when there are none: that program cannot run.
    They are verified before they are used, unless the file is `trusted`. All of the `devices` run
    the same code; `proof` says what is known of their exchanges, and who says it.
    """

    code: tuple[Inst, ...]
    interface: Interface
    provenance: Provenance
    target: Target
    images: Sequence[Image] = field(default=(), compare=False, repr=False)
    others: tuple[Entry, ...] = ()
    references: References | None = None
    trusted: bool = field(default=False, compare=False)
    devices: int = 1
    proof: str = field(default="", compare=False)

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
        found = validate(self.code, self.entries, self.target, self.devices)
        self.provenance.check_end(sum(inst.WORDS for inst in self.code))
        if self.references is not None:
            self.references.validate(self.interface.params_size, self.devices)
        if self.images and len(self.images) != self.devices:
            raise Invalid(f"parameters for {len(self.images)} devices, not for {self.devices}")
        return found

    def validate(self) -> None:
        """Raise Invalid when the parts contradict each other."""
        assert self.bounds.elements

    @property
    def embedded(self) -> Sequence[Image]:
        """The parameters of each device if the program holds them, as it does where there are none.

        Otherwise nothing.
        """
        if self.images or self.interface.params_size:
            return self.images
        return [Image(np.empty(0, np.uint8))] * self.devices

    def params_of(self, device: int = 0) -> Image:
        """The parameters of a device, made from references where need be; Unlinked without any."""
        if self.embedded:
            return self.embedded[device]
        if self.references is None:
            raise Unlinked("the program holds no weights: it can be inspected, not run")
        if device not in self._linked:
            size = self.interface.params_size
            self._linked[device] = self.references.load(size, self.trusted, device)
        return self._linked[device]

    @cached_property
    def _linked(self) -> dict[int, Image]:
        return {}

    def sections(self) -> dict[Kind, bytes]:
        """The sections that are held in memory."""
        proof = {Kind.PROOF: self.proof.encode()} if self.proof else {}
        return {
            Kind.CODE: encode(self.code),
            Kind.INTERFACE: to_text(entries_to_json(self.entries)).encode(),
            Kind.PROVENANCE: to_text(self.provenance.to_json()).encode(),
            Kind.TARGET: to_text(self.target.to_json()).encode(),
            Kind.BOUNDS: to_text(self.bounds.to_json()).encode(),
            **proof,
        }

    def write(self, path: str | Path, params_pieces: Iterable[Piece] | None = None) -> None:
        """Write the program; pieces in ascending order replace `images`.

        Parameters from a file are written, and so signed, only if each block has its SHA-256.
        Without pieces and without `images` the file has the references, or no weights at all.
        """
        self.validate()
        path, size, sections = Path(path), self.interface.params_size, self.sections()
        pieces = params_pieces
        if pieces is None and self.embedded:
            pieces = together(self.embedded)
        if pieces is None and self.references is not None:
            references = self.references.seen_from(path.parent)
            sections[Kind.RECIPES] = to_text(references.to_json()).encode()
        write_file(path, sections, size, pieces, self.devices)

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
        for image in self.images:
            image.check()


def _read(file: BinaryIO, path: Path, trusted: bool) -> Program:
    file_length = os.fstat(file.fileno()).st_size
    head = file.read(header_bytes(MAX_SECTIONS))
    header = unpack_header(head, file_length, ISA_VERSION)
    sections = header.sections
    shared = [kind for kind in Kind if (kind, 0) in sections and kind not in STORED]
    contents = {kind: _section(file, sections[kind, 0]) for kind in shared}
    _check_gaps(file, sections)
    (_, interface), *others = entries_from_json(_json(contents, Kind.INTERFACE))
    program = Program(
        code=decode(contents[Kind.CODE]),
        interface=interface,
        provenance=Provenance.from_json(_json(contents, Kind.PROVENANCE)),
        target=Target.from_json("target section", _json(contents, Kind.TARGET)),
        images=_images(file, path, header, trusted),
        others=tuple(others),
        references=_references(contents, path),
        trusted=trusted,
        devices=header.devices,
        proof=_text(contents, Kind.PROOF) if Kind.PROOF in contents else "",
    )
    stored = sections.get((Kind.PARAMS, 0))
    if stored is not None and stored.length != interface.params_size:
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
        whose = f" of device {section.device}" if section.kind in STORED else ""
        raise Malformed(f"section {Kind(section.kind).name}{whose} does not match its digest")
    return data


def _check_gaps(file: BinaryIO, sections: Sections) -> None:
    at = header_bytes(len(sections))
    for section in sections.values():
        file.seek(at)
        if any(file.read(section.offset - at)):
            raise Malformed(f"bytes before section {section.kind} are not zero")
        at = section.end


def _json(contents: dict[Kind, bytes], kind: Kind) -> object:
    text = _text(contents, kind)
    try:
        data = from_text(text)
    except ValueError as error:
        raise Malformed(f"section {kind.name}: {error}") from None
    if to_text(data) != text:
        raise Malformed(f"section {kind.name} is not canonical JSON")
    return data


def _text(contents: dict[Kind, bytes], kind: Kind) -> str:
    try:
        return contents[kind].decode()
    except ValueError:
        raise Malformed(f"section {kind.name} is no text") from None


def _images(file: BinaryIO, path: Path, header: Header, trusted: bool) -> Sequence[Image]:
    """The parameters of each device; those of one device are mapped at once."""
    first = header.sections.get((Kind.PARAMS, 0))
    if first is None or not first.length:
        return ()
    places = [_place(file, header.sections, device) for device in range(header.devices)]
    if len(places) == 1:
        return (places[0].image(file.fileno(), str(path), trusted),)
    return StoredImages(file.fileno(), str(path), places, trusted)


def _place(file: BinaryIO, sections: Sections, device: int) -> Place:
    section = sections[Kind.PARAMS, device]
    sums = _section(file, sections[Kind.PARAMSUMS, device])
    digests = _section(file, sections[Kind.PARAMDIGEST, device])
    count = block_count(section.length)
    if len(sums) != SUM_BYTES * count or len(digests) != DIGEST_BYTES * count:
        raise Malformed("a table of parameter blocks has the wrong length")
    return Place(section.offset, section.length, sums, digests)
