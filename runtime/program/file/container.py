"""The `.lpu` container: a header, a section table and aligned sections.

Header, 64 bytes: magic, format version, ISA version, number of sections, number of devices, file
length, and the SHA-256 of those 32 bytes and the section table. Table entry, 64 bytes: kind, flags,
offset, length, SHA-256 of the section, the device whose it is, 0. PARAMS carries no digest of its
own: of each of its 1 MiB blocks, PARAMDIGEST holds the SHA-256 and PARAMSUMS the checksum
(`runtime.weights.checksums`) that is verified before the block is used. Both are covered. Sections
begin at multiples of 64, parameters of a block or more at pages of 4096 bytes, so that they can be
written around the cache of the system. Gaps are zero. All numbers are little endian.

Of a program for several devices each has the three sections of its own parameters, of equal length;
all else they share, and it belongs to device 0. PROOF is text: what was proved of the exchanges
before the program was written. PLAN is JSON (`runtime.program.plan`): what each of them computes.
MEANT is JSON (`runtime.isa.meant`): what the code was meant to do.

BOUNDS states what a run takes at most: the elements that each entry executes, and bytes of device
memory (`runtime.program.bounds`). It follows from the rest and is checked against it.

Instead of the three of parameters a program may have RECIPES (parameters by reference, see
`runtime.weights.references`), or none of them (it can be inspected, not run).
"""

import hashlib
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from runtime.errors import Malformed
from runtime.sharding import MAX_DEVICES, is_ring
from runtime.weights.buffers import PAGE_BYTES

MAGIC = b"LPUPROG\0"
FORMAT_VERSION = 8
ALIGNMENT = 64
PAGED_BYTES = 1 << 20
"""Parameters of so many bytes begin at a page."""
CRITICAL = 1
NO_DIGEST = bytes(32)

_HEADER = struct.Struct("<8sIIIIQ32s")
_ENTRY = struct.Struct("<IIQQ32sII")


class Kind(IntEnum):
    """Kind of a section."""

    CODE = 1
    INTERFACE = 2
    PROVENANCE = 3
    TARGET = 4
    PARAMDIGEST = 5
    PARAMS = 6
    RECIPES = 7
    PARAMSUMS = 8
    BOUNDS = 9
    PROOF = 10
    PLAN = 11
    MEANT = 12


NEEDED = (Kind.CODE, Kind.INTERFACE, Kind.PROVENANCE, Kind.TARGET, Kind.BOUNDS)
STORED: set[int] = {Kind.PARAMDIGEST, Kind.PARAMS, Kind.PARAMSUMS}
WEIGHTS = (STORED, {Kind.RECIPES}, set[int]())
"""The sections that hold parameters in one form or another."""
MAX_SECTIONS = len(Kind) + len(STORED) * MAX_DEVICES
LARGEST: dict[int, int] = {
    Kind.CODE: 8 << 20, Kind.INTERFACE: 4 << 20, Kind.PROVENANCE: 16 << 20, Kind.TARGET: 1 << 20,
    Kind.BOUNDS: 4 << 20, Kind.PARAMDIGEST: 64 << 20, Kind.PARAMSUMS: 64 << 20,
    Kind.RECIPES: 16 << 20, Kind.PROOF: 1 << 20,
    Kind.PLAN: 16 << 20, Kind.MEANT: 4 << 20,
}  # fmt: skip
"""Bytes that a section may have which is read as a whole, before anything else is known of it."""


class Section(NamedTuple):
    """An entry of the section table; `offset` and `length` in bytes, `device` whose it is."""

    kind: int
    flags: int
    offset: int
    length: int
    digest: bytes
    device: int = 0

    @property
    def end(self) -> int:
        """First byte behind the section."""
        return self.offset + self.length


Sections = dict[tuple[int, int], Section]
"""By kind and device."""


class Header(NamedTuple):
    """What a file begins with."""

    devices: int
    sections: Sections


def align(offset: int, unit: int = ALIGNMENT) -> int:
    """The next multiple of the section alignment, or of another."""
    return -(-offset // unit) * unit


def placed(kind: int, length: int, at: int) -> int:
    """Where a section of a length begins whose predecessor ends at `at`."""
    is_paged = kind == Kind.PARAMS and length >= PAGED_BYTES
    return align(at, PAGE_BYTES if is_paged else ALIGNMENT)


def header_bytes(count: int) -> int:
    """Bytes of header and section table."""
    return _HEADER.size + count * _ENTRY.size


def digest(data: bytes | bytearray) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def check_length(kind: int, length: int) -> None:
    """Raise Malformed for a section that is larger than any that is read."""
    most = LARGEST.get(kind, length)
    if length > most:
        raise Malformed(f"section {Kind(kind).name} has {length} bytes, more than {most}")


def pack_header(
    sections: Sequence[Section], isa_version: int, file_length: int, devices: int = 1
) -> bytes:
    """Header and section table."""
    table = b"".join(
        _ENTRY.pack(s.kind, s.flags, s.offset, s.length, s.digest, s.device, 0) for s in sections
    )
    fixed = (MAGIC, FORMAT_VERSION, isa_version, len(sections), devices, file_length)
    head = _HEADER.pack(*fixed, NO_DIGEST)[:32]
    return head + digest(head + table) + table


def unpack_header(data: bytes, file_length: int, isa_version: int) -> Header:
    """Devices and sections; `data` is the start of a file of `file_length` bytes."""
    if len(data) < _HEADER.size or data[:8] != MAGIC:
        raise Malformed("not an LPU program; `lpuc compile` makes one of an ONNX model")
    _, version, isa, count, devices, length, expected = _HEADER.unpack_from(data)
    if version != FORMAT_VERSION:
        raise Malformed(
            f"format version {version} is not {FORMAT_VERSION}; compile the model again"
        )
    if isa != isa_version:
        raise Malformed(f"ISA version {isa} is not {isa_version}")
    if length != file_length:
        raise Malformed(f"the file has {file_length} bytes, its header says {length}")
    if count > MAX_SECTIONS or len(data) < header_bytes(count):
        raise Malformed(f"a table of {count} sections does not fit")
    table = data[_HEADER.size : header_bytes(count)]
    if digest(data[:32] + table) != expected:
        raise Malformed("the section table does not match its digest")
    if not is_ring(devices):
        raise Malformed(f"a program for {devices} devices: no power of two up to {MAX_DEVICES}")
    sections = _sections(table, header_bytes(count), file_length)
    _check_kinds(sections, devices)
    return Header(devices, sections)


def _sections(table: bytes, at: int, file_length: int) -> Sections:
    sections: Sections = {}
    for kind, flags, offset, length, expected, device, reserved in _ENTRY.iter_unpack(table):
        known = kind in set(Kind)
        if not known and flags & CRITICAL:
            raise Malformed(f"the critical section of kind {kind} is unknown")
        is_placed = offset == placed(kind, length, at)
        if not is_placed or offset + length > file_length or (kind, device) in sections:
            raise Malformed(f"section {kind} at {offset} with {length} bytes is misplaced")
        unsigned = expected == NO_DIGEST
        if flags & ~CRITICAL or reserved or unsigned != (kind == Kind.PARAMS):
            raise Malformed(f"section {kind} has unknown flags or a wrong digest field")
        check_length(kind, length)
        sections[kind, device] = Section(kind, flags, offset, length, expected, device)
        at = offset + length
    if at != file_length:
        raise Malformed(f"{file_length - at} bytes follow the last section")
    return sections


def _check_kinds(sections: Sections, devices: int) -> None:
    """Malformed unless all are there that belong together, for each device."""
    kinds = {kind for kind, _ in sections}
    for kind in NEEDED:
        if kind not in kinds:
            raise Malformed(f"section {kind.name} is missing")
    if set().union(*WEIGHTS) & kinds not in WEIGHTS:
        raise Malformed("the sections of parameters do not belong together")
    for kind in kinds:
        found = sorted(device for known, device in sections if known == kind)
        wanted = list(range(devices if kind in STORED else 1))
        if found != wanted:
            raise Malformed(f"section {kind} is of the devices {found}, not of {wanted}")
    lengths = {(s.kind, s.length) for s in sections.values() if s.kind in STORED}
    if len(lengths) > len(STORED):
        raise Malformed("the parameters of some devices are shorter than those of others")
