"""The maps of `inspect`: what lies where, and how full the LMU is over a run."""

from dataclasses import replace

from lpuc.reports.liveness import liveness
from lpuc.reports.memory_map import hbm_map, lmu_map, memory_maps
from lpuc.reports.program import WIDTH, histogram, interface_rows
from runtime.isa import Inst, Lds, Sts
from runtime.numerics.elements import ElementType
from runtime.program.interface import Dim, Port
from runtime.program.program import Program
from tests.unit.runtime.program.programs import projection
from tests.unit.runtime.timing.timed import ONE, Timed

KIB4 = 4096


def usage(t: Timed, *code: Inst) -> list[int]:
    return liveness(t.program(code), {}, 1000).in_use.tolist()


def test_a_value_is_in_use_from_its_write_to_its_last_read() -> None:
    """The second is read twice, the third never."""
    t = Timed()
    code = [t.load(0, 0), t.map(8192, 0), t.map(16384, 8192), t.store(0, 8192), t.load(0, 0)]
    assert usage(t, *code) == [KIB4, 2 * KIB4, KIB4, KIB4, 0]


def test_a_value_ends_where_another_takes_its_place() -> None:
    t = Timed()
    code = [t.load(0, 0), t.store(0, 0), t.load(65536, 0), t.load(0, 0), t.add(0, 0, 65536)]
    assert usage(t, *code, t.store(0, 0)) == [KIB4, KIB4, KIB4, 2 * KIB4, 2 * KIB4, KIB4]


def test_the_peak_names_its_writers() -> None:
    t = Timed()
    code = [t.load(0, 0), Sts(ONE, 32768), t.load(8192, 0), t.add(16384, 0, 8192)]
    found = liveness(t.program([*code, Lds(99, 32768), t.store(0, 16384)]), {}, 1000)
    assert (found.peak, int(found.in_use[3])) == (3, 3 * KIB4 + 64)
    assert found.bytes_by_writer(3) == {0: KIB4, 2: 64, 3: KIB4, 5: KIB4}
    assert (found.resident(3), found.spilled(3)) == (KIB4, 64)


def test_what_is_on_chip_throughout_is_resident() -> None:
    """The first load is read by each of four sums, the others by one."""
    t = Timed()
    body = [inst for _ in range(4) for inst in (t.load(8192, 0), t.add(8192, 8192, 0))]
    found = liveness(t.program([t.load(0, 0), *body]), {}, 1000)
    assert found.resident(found.peak) == KIB4


def test_the_picture_shows_ranges_over_the_run() -> None:
    """Eight ranges of 4 KiB; the first is in use in the first half, the last in the second."""
    t = Timed()
    code = [t.load(0, 0), t.store(0, 0), t.load(7 * KIB4, 0), t.store(0, 7 * KIB4)]
    lines = lmu_map(t.program(code))
    assert lines[-8:] == [
        "         0 B |##  |",
        *(f"  {text:>10} |    |" for text in ("4.0 KiB", "8.0 KiB", "12.0 KiB", "16.0 KiB")),
        *(f"  {text:>10} |    |" for text in ("20.0 KiB", "24.0 KiB")),
        "    28.0 KiB |  ##|",
    ]


def test_a_program_that_cannot_run_has_no_picture() -> None:
    t = Timed()
    outside = t.program([t.map(0, t.target.lmu_bytes)])
    (line,) = lmu_map(outside)
    assert line == "LMU, 4.0 MiB: nothing, bytes 4194304 to 4198400 leave the LMU"
    assert lmu_map(Timed().program([])) == ["LMU, 4.0 MiB: not used"]


def cached(layers: int) -> Program:
    """A program with a cache of some layers."""
    dims = (Dim(1), Dim(0, (("rows", 1),)), Dim(4))
    ports: dict[str, list[Port]] = {"past": [], "present": []}
    for layer in range(layers):
        for role, made in ports.items():
            name, at = f"{role}.{layer}.key", 3072 + 64 * layer
            made.append(
                Port(name, ElementType.F32, ElementType.F16, dims, (28, 4, 1), at, role)
            )  # fmt: skip
    program = projection()
    interface = program.interface
    inputs, outputs = (*interface.inputs, *ports["past"]), (*interface.outputs, *ports["present"])
    return replace(program, interface=replace(interface, inputs=inputs, outputs=outputs))


def test_the_map_of_hbm() -> None:
    assert hbm_map(cached(4)) == [
        "HBM, 96.0 GiB",
        "       address       bytes",
        "             0       128 B  parameters",
        "          1024       168 B  x: f32[7, 6]",
        "          2048       140 B  y: f32[7, 5]",
        "          3072       224 B  cache past.*.key: 4 x f16[1, 7, 4]",
        "                   3.5 KiB  temporaries, and gaps between what is above",
        "                  96.0 GiB  free, from 5120 on",
    ]


def test_another_entry_shows_what_step_does_not_hold() -> None:
    program = cached(1)
    own = replace(program.interface.inputs[0], name="own", address=4096)
    inputs = (*program.interface.inputs, own)
    other = replace(program, others=(("generate", replace(program.interface, inputs=inputs)),))
    assert [line for line in hbm_map(other) if "generate" in line] == [
        "          4096       168 B  generate: own: f32[7, 6]"
    ]


def test_ports_of_layers_take_one_row() -> None:
    texts = [text for _, text in interface_rows(cached(4))]
    assert "past.*.key: f32[1, rows, 4] (past), 4 times" in texts
    assert "past.0.key: f32[1, rows, 4] (past)" in [t for _, t in interface_rows(cached(1))]


def test_the_histogram_is_split_by_engine() -> None:
    lines = histogram(projection()).splitlines()
    assert lines[1].split() == ["SXE", "1", "vecmat", "1"]
    assert lines[0].split()[:2] == ["MEM", "3"]


def test_lines_fit_a_terminal() -> None:
    program = cached(4)
    long = replace(program.interface.inputs[0], name="x" * 200)
    inputs = (long, *program.interface.inputs[1:])
    text = memory_maps(replace(program, interface=replace(program.interface, inputs=inputs)))
    assert max(map(len, text.splitlines())) <= WIDTH
