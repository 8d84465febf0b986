"""What an interface may say of symbols, ports and entries, at the limits and one beyond."""

from dataclasses import replace
from typing import Any

import pytest

from runtime.errors import Invalid
from runtime.isa import Halt
from runtime.numerics.elements import ElementType
from runtime.program.interface import Dim, Interface, Port, Symbol
from runtime.program.program import Program
from tests.unit.runtime.program.programs import F32, program, projection


def port(*shape: Dim | int, name: str = "y", strides: tuple[int, ...] | None = None) -> Port:
    """A port at the start of the arena, all elements at one place unless strides are given."""
    dims = tuple(d if isinstance(d, Dim) else Dim(d) for d in shape)
    return Port(name, F32, F32, dims, strides or (0,) * len(dims), 1024)


def of(*outputs: Port, symbols: tuple[Symbol, ...] = ()) -> Program:
    """A program that does nothing, with these outputs."""
    return program([Halt()], outputs=outputs, symbols=symbols)


ROWS = Dim(0, (("rows", 1),))
FALLING = Dim(7, (("rows", -1),))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (of(port(*[1] * 9)), "port 'y' has 9 axes, more than 8"),
        (of(port(-1)), "port 'y' has an extent that can be negative"),
        (of(port(FALLING), symbols=(Symbol("rows", 8, 0, 8),)), "extent that can be negative"),
        (of(port(1), port(2)), "two outputs have the name 'y'"),
        (of(symbols=(Symbol("rows", 8, -1, 8),)), "symbol 'rows' from -1 to 8 is no range"),
        (of(symbols=(Symbol("rows", 8, 5, 4),)), "symbol 'rows' from 5 to 4 is no range"),
        (of(symbols=(Symbol("rows", 8, 0, 2**31 + 1),)), "symbol 'rows' from 0 to 2147483649"),
        (of(symbols=(Symbol("a", 8, 0, 1), Symbol("a", 9, 0, 1))), "two symbols have the same"),
        (of(replace(port(1), limit=-1)), "port 'y' has the limit -1"),
        (of(port(1 << 12, 1 << 13)), "ports hold 134217728 bytes, far more than the arena"),
        (of(port(FALLING, strides=(200,)), symbols=(Symbol("rows", 8, 0, 7),)), "not lie in"),
    ],
)
def test_refused(made: Program, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        made.validate()


@pytest.mark.parametrize(
    "made",
    [
        of(port(*[1] * 8)),
        of(port(0, 5)),
        of(port(FALLING), symbols=(Symbol("rows", 8, 0, 7),)),
        of(port(FALLING, strides=(170,)), symbols=(Symbol("rows", 8, 0, 7),)),
        of(port(1), port(2, name="z")),
        of(symbols=(Symbol("rows", 8, 0, 2**31),)),
        of(port(1 << 12, 1 << 12)),
    ],
)
def test_taken(made: Program) -> None:
    made.validate()


def with_entries(count: int) -> Program:
    """`step` and so many further entries."""
    others = tuple((f"entry{n}", projection().interface) for n in range(count))
    return replace(projection(), others=others)


def test_entries_are_few() -> None:
    with_entries(15).validate()
    with pytest.raises(Invalid, match="17 entries are more than 16"):
        with_entries(16).validate()


def test_an_input_and_an_output_may_have_one_name() -> None:
    made = program([Halt()], [port(1)], [port(1)])
    made.validate()


def test_provenance_ends_with_the_code() -> None:
    made = of()
    provenance: Any = replace(made.provenance, ranges=((0, 2, (0,)),))
    with pytest.raises(Invalid, match="goes beyond the 1 words of the code"):
        replace(made, provenance=provenance).validate()


def test_very_many_ports_and_symbols_are_checked_at_once() -> None:
    """Each name is looked up, not searched for."""
    ports = tuple(port(1, name=f"y{n}") for n in range(20_000))
    interface: Interface = replace(of().interface, outputs=ports)
    replace(of(), interface=interface).validate()


def test_elements_may_be_wider_at_the_interface() -> None:
    """f16 in the arena, f32 for the caller, the whole arena."""
    half = ElementType.F16
    wide = Port("y", F32, half, (Dim(2048),), (1,), 1024)
    of(wide).validate()
