"""Programs for several devices: each has parameters of its own, and damage is told before a run."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.errors import Invalid, Malformed, RuntimeFault
from runtime.isa import Halt
from runtime.isa.spec import ISA_VERSION
from runtime.program.assembly import assemble, disassemble
from runtime.program.file.container import (
    NO_DIGEST,
    Kind,
    Section,
    align,
    digest,
    header_bytes,
    pack_header,
    unpack_header,
)
from runtime.program.interface import Dim, Port, Symbol
from runtime.program.program import Program
from runtime.sharding import Factor, Sharding
from runtime.weights.checksums import block_sum
from runtime.weights.image import BLOCK_BYTES, Image
from runtime.weights.mapping import FileBytes
from runtime.weights.recipes import FileRange, Shard, Transpose
from runtime.weights.references import refer
from tests.unit.runtime.program.programs import F32, program

SIZE = 2 * BLOCK_BYTES + 100


def _image(device: int) -> np.ndarray:
    """Three blocks, of which all devices have the same first one."""
    shared = np.random.default_rng(99).integers(0, 256, BLOCK_BYTES, np.uint8)
    own = np.random.default_rng(device).integers(0, 256, SIZE - BLOCK_BYTES, np.uint8)
    return np.concatenate((shared, own))


def made(devices: int, size: int = SIZE) -> Program:
    """A program that does nothing, with the parameters of each device."""
    interface = dataclasses.replace(
        program([Halt()]).interface, params_size=size, arena_base=align(size)
    )
    images = tuple(Image(_image(device)[-size:]) for device in range(devices))
    return dataclasses.replace(
        program([Halt()]), interface=interface, images=images, devices=devices, proof="proved ✓"
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A written program for 4 devices."""
    made(4).write(tmp_path / "p.lpu")
    return tmp_path / "p.lpu"


def _section(data: bytes, kind: Kind, device: int) -> Section:
    return unpack_header(data, len(data), ISA_VERSION).sections[kind, device]


@pytest.mark.parametrize("devices", [1, 2, 8])
def test_each_device_gets_what_was_written_for_it(devices: int, tmp_path: Path) -> None:
    made(devices).write(tmp_path / "p.lpu")
    loaded = Program.load(tmp_path / "p.lpu", check="all")
    assert loaded == made(devices)
    assert (loaded.devices, loaded.proof) == (devices, "proved ✓")
    for device in range(devices):
        np.testing.assert_array_equal(loaded.params_of(device).whole(), _image(device))


def test_a_loaded_program_is_written_as_it_was(path: Path) -> None:
    Program.load(path).write(path.with_name("q.lpu"))
    assert path.with_name("q.lpu").read_bytes() == path.read_bytes()


def test_a_device_maps_its_own_parameters_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped: list[int] = []

    class Noting(FileBytes):
        def __init__(self, descriptor: int, offset: int, length: int) -> None:
            mapped.append(offset)
            super().__init__(descriptor, offset, length)

    monkeypatch.setattr("runtime.weights.stored.FileBytes", Noting)
    loaded = Program.load(path)
    assert not mapped
    np.testing.assert_array_equal(loaded.params_of(2).whole(), _image(2))
    assert mapped == [_section(path.read_bytes(), Kind.PARAMS, 2).offset]


def test_a_file_may_get_another_name_before_a_device_maps_it(path: Path) -> None:
    loaded = Program.load(path)
    path.rename(path.with_name("q.lpu"))
    np.testing.assert_array_equal(loaded.params_of(3).whole(), _image(3))


def test_damage_is_that_of_one_device(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[_section(data, Kind.PARAMS, 1).offset + BLOCK_BYTES + 5] ^= 1
    path.write_bytes(data)
    loaded = Program.load(path)
    np.testing.assert_array_equal(loaded.params_of(0).whole(), _image(0))
    with pytest.raises(Malformed, match=r"p\.lpu: bytes \d+ to \d+ \(parameter block 1\)"):
        loaded.params_of(1)


def test_damage_of_what_all_devices_have_waits_for_its_use(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[_section(data, Kind.PARAMS, 1).offset + 5] ^= 1
    path.write_bytes(data)
    image = Program.load(path).params_of(1)
    with pytest.raises(Malformed, match="parameter block 0"):
        image.require(0, 1)
    with pytest.raises(Malformed, match="parameter block 0"):
        Program.load(path, check="all")


@pytest.mark.parametrize("devices", [(1, 2), (0, 3)])
def test_images_of_devices_may_not_change_places(devices: tuple[int, int], path: Path) -> None:
    data = bytearray(path.read_bytes())
    first, second = (_section(data, Kind.PARAMS, device).offset for device in devices)
    held = data[first : first + SIZE]
    data[first : first + SIZE] = data[second : second + SIZE]
    data[second : second + SIZE] = held
    path.write_bytes(data)
    loaded = Program.load(path)
    for one, other in (devices, devices[::-1]):
        message = f"the parameters of device {one} are those of device {other}"
        with pytest.raises(Malformed, match=message):
            loaded.params_of(one)


def test_tables_of_devices_may_not_change_places(path: Path) -> None:
    data = bytearray(path.read_bytes())
    first, second = (_section(data, Kind.PARAMSUMS, device) for device in (1, 2))
    held = data[first.offset : first.end]
    data[first.offset : first.end] = data[second.offset : second.end]
    data[second.offset : second.end] = held
    path.write_bytes(data)
    with pytest.raises(Malformed, match="section PARAMSUMS of device 1 does not match its digest"):
        Program.load(path)


def test_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    file, size = tmp_path / "p.lpu", 200
    made(2, size).write(file)
    data = file.read_bytes()
    sections = [_section(data, Kind.PARAMS, device) for device in range(2)]
    for at in [*range(header_bytes(12)), *range(header_bytes(12), len(data), 7)]:
        file.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
        with pytest.raises(RuntimeFault):
            Program.load(file, check="all")
        owners = [d for d, section in enumerate(sections) if section.offset <= at < section.end]
        for device in owners:
            Program.load(file).params_of(1 - device).whole()


def test_a_truncated_file_is_malformed(tmp_path: Path) -> None:
    file = tmp_path / "p.lpu"
    made(2, 200).write(file)
    data = file.read_bytes()
    for length in range(0, len(data), 13):
        file.write_bytes(data[:length])
        with pytest.raises(Malformed):
            Program.load(file)


def _signed(changes: dict[tuple[int, int], int | None], devices: int, path: Path) -> None:
    """A file of empty sections for two devices, with other lengths or without some of them."""
    places = [(kind, 0) for kind in (1, 2, 3, 4, 9)]
    places += [(kind, device) for device in range(2) for kind in (5, 8, 6)]
    lengths = {place: 0 for place in places} | changes
    sections, at = list[Section](), header_bytes(sum(n is not None for n in lengths.values()))
    for (kind, device), length in lengths.items():
        if length is None:
            continue
        expected = NO_DIGEST if kind == Kind.PARAMS else digest(bytes(length))
        sections.append(Section(kind, 1, align(at), length, expected, device))
        at = sections[-1].end
    head = pack_header(sections, ISA_VERSION, at, devices)
    path.write_bytes(head + bytes(at - len(head)))


@pytest.mark.parametrize(
    ("changes", "devices", "message"),
    [
        ({(6, 1): 8}, 2, "parameters of some devices are shorter"),
        ({(8, 1): None}, 2, r"section 8 is of the devices \[0\], not of \[0, 1\]"),
        ({(6, 2): 0}, 2, r"section 6 is of the devices \[0, 1, 2\]"),
        ({(1, 1): 0}, 2, r"section 1 is of the devices \[0, 1\], not of \[0\]"),
        ({}, 4, r"is of the devices \[0, 1\], not of \[0, 1, 2, 3\]"),
        ({}, 1, r"is of the devices \[0, 1\], not of \[0\]"),
        ({}, 3, "a program for 3 devices: no power of two"),
        ({}, 0, "a program for 0 devices"),
        ({}, 128, "a program for 128 devices: no power of two up to 64"),
    ],
)
def test_sections_that_do_not_belong_together(
    changes: dict[tuple[int, int], int | None], devices: int, message: str, tmp_path: Path
) -> None:
    _signed(changes, devices, tmp_path / "p.lpu")
    with pytest.raises(Malformed, match=message):
        Program.load(tmp_path / "p.lpu")


def test_assembly_is_lossless_but_for_the_proof(path: Path, tmp_path: Path) -> None:
    text = disassemble(Program.load(path))
    again = assemble(text)
    assert not again.proof
    dataclasses.replace(again, proof="proved ✓").write(tmp_path / "q.lpu")
    assert (tmp_path / "q.lpu").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (".device 3\n", ".device 2\n", "400 parameter bytes of device 2 are given"),
        (".device 3\n", ".device 4\n", "parameters of device 4, and 4 devices"),
        (".devices 4", ".devices 2", "parameters of device 2, and 2 devices"),
        (".devices 4", ".devices 8", "0 parameter bytes of device 4 are given"),
        (".device 3\n", ".device x\n", "invalid literal"),
        (".devices 4", ".devices x", "invalid literal"),
    ],
)
def test_text_for_other_devices_is_refused(old: str, new: str, message: str) -> None:
    text = disassemble(made(4, 200))
    assert old in text
    with pytest.raises((Malformed, Invalid), match=message):
        assemble(text.replace(old, new))


def test_text_tells_bytes_of_another_device() -> None:
    lines = disassemble(made(4, 200)).splitlines()
    at = [index for index, line in enumerate(lines) if line.startswith(".param_base64")]
    lines[at[1]], lines[at[2]] = lines[at[2]], lines[at[1]]
    with pytest.raises(Invalid, match="parameter bytes of device 1 are not those of"):
        assemble("\n".join(lines))


def _shared(shape: tuple[Dim, ...], sharding: str) -> Port:
    strides = (1,) * len(shape)
    return Port("x", F32, F32, shape, strides, 1024, sharding=Sharding.parse(sharding))


ROWS = Dim(0, (("rows", 1),))


@pytest.mark.parametrize(
    ("port", "message"),
    [
        (_shared((Dim(8),), "2 x [[8/2]]"), "port 'x' is not shared by 4 devices"),
        (_shared((Dim(8),), "4 x [[6/4]]"), "port 'x': axis 0 has 8 elements, its factors 6"),
        (_shared((Dim(8),), "4 x [[8/4], []]"), "port 'x': 2 axes are sharded and there are 1"),
        (_shared((ROWS,), "4 x [[8/4]]"), "port 'x': axis 0 is cut and its extent is no number"),
    ],
)
def test_ports_are_shared_by_all_devices(port: Port, message: str) -> None:
    symbols = (Symbol("rows", 8, 1, 7),)
    with pytest.raises(Invalid, match=message):
        dataclasses.replace(program([Halt()], [port], (), symbols), devices=4).validate()


def test_the_part_of_a_port_lies_in_the_arena() -> None:
    """A quarter of 4096 elements does, all of them would not."""
    port = dataclasses.replace(_shared((Dim(4096),), "4 x [[4096/4]]"), strides=(1,))
    dataclasses.replace(program([Halt()], [port]), devices=4).validate()
    far = dataclasses.replace(port, address=1024 + 4)
    with pytest.raises(Invalid, match="does not lie in the arena"):
        dataclasses.replace(program([Halt()], [far]), devices=4).validate()


def test_what_ports_hold_is_counted_by_device() -> None:
    """A quarter of 128 MiB is not too much, all of it would be."""
    port = dataclasses.replace(_shared((Dim(1 << 25),), f"4 x [[{1 << 25}/4]]"), strides=(0,))
    dataclasses.replace(program([Halt()], [port]), devices=4).validate()
    with pytest.raises(Invalid, match="ports hold 134217728 bytes, far more than the arena"):
        program([Halt()], [dataclasses.replace(port, sharding=None)]).validate()


def test_interfaces_of_one_device_say_nothing_of_devices() -> None:
    plain = program([Halt()], [Port("x", F32, F32, (Dim(8),), (1,), 1024)])
    assert b"sharding" not in plain.sections()[Kind.INTERFACE]
    shared = dataclasses.replace(program([Halt()], [_shared((Dim(8),), "4 x [[8/4]]")]), devices=4)
    assert b'"sharding":"4 x [[8/4]]"' in shared.sections()[Kind.INTERFACE]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"devices": 3, "images": ()}, "a program for 3 devices"),
        ({"devices": 0, "images": ()}, "a program for 0 devices"),
        ({"devices": 2}, "parameters for 4 devices, not for 2"),
    ],
)
def test_programs_for_other_devices_are_invalid(change: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        dataclasses.replace(made(4, 200), **change).validate()


def test_symbols_of_a_ring_are_numbers_of_its_devices() -> None:
    wide = program([Halt()], symbols=[Symbol("d1", 8, 0, 4)])
    wide.validate()
    with pytest.raises(Invalid, match="symbol 'd1' is no number of 4 devices"):
        dataclasses.replace(wide, devices=4).validate()


def _by_reference(tmp_path: Path) -> tuple[Program, list[bytes]]:
    """A program whose devices share a table in a file, and what each has of it."""
    weight = np.arange(1, 36, dtype=np.float32).reshape(5, 7)
    weight.tofile(tmp_path / "w.bin")
    cut = Sharding(4, ((Factor(7, 4),), ()))
    recipe = Shard(Transpose(FileRange("w.bin", 0, (5, 7), F32), (1, 0)), cut)
    size = 2 * 5 * 4
    interface = dataclasses.replace(program([Halt()]).interface, params_size=size)
    written = dataclasses.replace(
        program([Halt()]),
        interface=interface,
        devices=4,
        references=refer([(0, recipe)], tmp_path, tmp_path),
    )
    written.write(tmp_path / "p.lpu")
    parts = [cut.part(weight.T, device).tobytes() for device in range(4)]
    return Program.load(tmp_path / "p.lpu", check="all"), parts


def test_references_are_read_as_what_a_device_holds(tmp_path: Path) -> None:
    loaded, parts = _by_reference(tmp_path)
    assert [loaded.params_of(device).data.tobytes() for device in range(4)] == parts


def test_what_devices_share_is_read_once_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, parts = _by_reference(tmp_path)
    sums: list[int] = []

    def counting(block: np.ndarray) -> bytes:
        sums.append(block.nbytes)
        return block_sum(block)

    monkeypatch.setattr("runtime.weights.referenced_files.block_sum", counting)
    assert [image.data.tobytes() for image in loaded.params_of_all()] == parts
    assert sums == [5 * 7 * 4]
    assert loaded.params_of(3) is loaded.params_of_all()[3]


def test_references_are_for_the_devices_of_the_program(tmp_path: Path) -> None:
    loaded, _ = _by_reference(tmp_path)
    assert assemble(disassemble(loaded)).references == loaded.references
    with pytest.raises(Invalid, match="parameter at 0 is not shared by 2 devices"):
        dataclasses.replace(loaded, devices=2).validate()
