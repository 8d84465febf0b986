"""Attributes of the `lpu` level: affine expressions, integer lists, numbers and symbol ranges."""

from __future__ import annotations

from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from dialects.affine import Affine
from dialects.lpu.types import parse_affine, parse_list


@irdl_attr_definition
class AffineListAttr(Data[tuple[Affine, ...]]):
    """`#lpu.affine<[P + 1, 4]>`: offsets, coefficients or contents that may depend on symbols."""

    name = "lpu.affine"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> tuple[Affine, ...]:
        with parser.in_angle_brackets():
            return parse_list(parser, lambda: parse_affine(parser))

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<[{', '.join(map(str, self.data))}]>")


@irdl_attr_definition
class AffineAttr(Data[Affine]):
    """`#lpu.expression<P + 1>`: one affine expression."""

    name = "lpu.expression"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Affine:
        with parser.in_angle_brackets():
            return parse_affine(parser)

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{self.data}>")


@irdl_attr_definition
class IntsAttr(Data[tuple[int, ...]]):
    """`#lpu.ints<[0, 2, 1]>`: axes, permutations, steps."""

    name = "lpu.ints"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> tuple[int, ...]:
        with parser.in_angle_brackets():
            return parse_list(parser, parser.parse_integer)

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<[{', '.join(map(str, self.data))}]>")


@irdl_attr_definition
class SymbolsAttr(Data[tuple[tuple[str, int, int], ...]]):
    """
    `#lpu.symbols<[P in 0 to 2047]>`: every symbol of a function with its inclusive range.

    Written to the function as `lpu.symbols`; sorted by name.
    """

    name = "lpu.symbols"

    @property
    def registers(self) -> dict[str, int]:
        """The register that holds each symbol when the program starts."""
        return {name: register for register, (name, _, _) in enumerate(self.data, start=1)}

    @property
    def ranges(self) -> dict[str, tuple[int, int]]:
        return {name: (low, high) for name, low, high in self.data}

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> tuple[tuple[str, int, int], ...]:
        def entry() -> tuple[str, int, int]:
            name = parser.parse_identifier()
            parser.parse_keyword("in")
            low = parser.parse_integer()
            parser.parse_keyword("to")
            return name, low, parser.parse_integer()

        with parser.in_angle_brackets():
            return parse_list(parser, entry)

    def print_parameter(self, printer: Printer) -> None:
        entries = (f"{name} in {low} to {high}" for name, low, high in self.data)
        printer.print_string(f"<[{', '.join(entries)}]>")
