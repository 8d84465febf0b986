"""
IR as text, again and again: what a pass left as it was is not formatted anew.

Printing the IR behind forty passes formats the same operations forty times, which takes ten times
as long as the passes. Here the text of an operation without regions is formatted once, with gaps
for the names of its values, for each class, set of types and attributes; so are the texts of
attributes and of locations. What comes out is what xDSL's printer prints, to the letter.

The same texts tell whether a pass changed anything: `Texts.structure` of two modules is equal where
their texts are, but for the names of values, and costs a fraction of printing one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from io import StringIO

from xdsl.dialects.builtin import LocationAttr, ModuleOp, UnregisteredOp
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.printer import Printer

from dialects.reading import operands_of, operations, types_of

Spell = Callable[[LocationAttr], str]
"""How a location is written."""
Gaps = tuple[str, tuple[int, ...], int]
"""Text with a `%s` for each name of a value, which values these are, and the number of the text."""

_GAP = re.compile("\0([0-9]+);")


class Texts:
    """What was formatted so far. It holds on to attributes, so that their identities last."""

    def __init__(self, spell: Spell | None = None) -> None:
        self._spell = spell or spelled
        self._kept: list[Attribute] = []
        self._attributes: dict[int, str] = {}
        self._locations: dict[int, tuple[str, int]] = {}
        self._operations: dict[tuple[object, ...], Gaps | None] = {}
        self._numbers: dict[object, int] = {}
        self._gapped = _WithGaps(self)
        self._latest: dict[Operation, Gaps | None] = {}
        """What was found of the operations of the module whose structure was asked for last."""

    def of(self, module: ModuleOp) -> str:
        """A module as text, with locations; asked behind `structure`, it is as it was then."""
        stream = StringIO()
        _FromTexts(self, stream, locations=True).print_op(module)
        self._latest = {}
        return stream.getvalue() + "\n"

    def structure(self, module: ModuleOp) -> list[int]:
        """All of a module but the names of its values, as numbers: equal for equal texts."""
        found: list[int] = []
        self._latest = {}
        self._add(module, found, {})
        return found

    def attribute(self, attribute: Attribute) -> str:
        """The text of an attribute that is no location."""
        text = self._attributes.get(id(attribute))
        if text is None:
            text = spelled(attribute)
            self._attributes[id(attribute)] = text
            self._kept.append(attribute)
        return text

    def location(self, location: LocationAttr) -> str:
        """The text of a location."""
        return self._location(location)[0]

    def gaps(self, op: Operation) -> Gaps | None:
        """The text of an operation, where it is nothing but a line of that operation alone."""
        return self._latest[op] if op in self._latest else self._gaps(op)

    def _gaps(self, op: Operation) -> Gaps | None:
        if op.regions or op.successors:
            return None
        held = [*types_of(op), *op.properties.values(), *op.attributes.values()]
        key = (type(op), len(operands_of(op)), *op.properties, *op.attributes, *map(id, held))
        try:
            return self._operations[key]
        except KeyError:
            made = self._operations[key] = self._formatted(op)
            self._kept += held
            return made

    def _location(self, location: LocationAttr) -> tuple[str, int]:
        known = self._locations.get(id(location))
        if known is None:
            text = self._spell(location)
            known = self._locations[id(location)] = text, self._number(text)
            self._kept.append(location)
        return known

    def _number(self, text: object) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    def _formatted(self, op: Operation) -> Gaps | None:
        """
        The text of an operation with a gap for each name: names come later.

        Where a value is read twice it is the text of an equal operation whose operands all differ.
        """
        if isinstance(op, UnregisteredOp):
            return None
        operands = operands_of(op)
        if len(set(operands)) < len(operands):
            operands = Block(arg_types=[value.type for value in operands]).args
            op = type(op).create(
                operands=operands,
                result_types=[result.type for result in op.results],
                properties=op.properties,
                attributes=op.attributes,
            )
        text = self._gapped.of(op, (*op.results, *operands))
        if "\n" in text:
            return None
        shown, order = _GAP.sub("%s", text.replace("%", "%%")), _GAP.findall(text)
        gaps = tuple(map(int, order))
        return shown, gaps, self._number((shown, gaps))

    def _add(self, op: Operation, found: list[int], places: dict[SSAValue, int]) -> None:
        gaps = self._latest[op] = self._gaps(op)
        if gaps is None:
            self._add_parts(op, found)
        else:
            found.append(gaps[2])
        for value in operands_of(op):
            found.append(places.setdefault(value, len(places)))
        for value in op.results:
            places.setdefault(value, len(places))
        found.append(self._location(op.location)[1])
        for region in op.regions:
            for block in region.blocks:
                self._add_block(block, found, places)

    def _add_block(self, block: Block, found: list[int], places: dict[SSAValue, int]) -> None:
        found.append(self._number(("block", *[self.attribute(a.type) for a in block.args])))
        for argument in block.args:
            places.setdefault(argument, len(places))
            found.append(self._location(argument.location)[1])
        for inner in operations(block):
            self._add(inner, found, places)

    def _add_parts(self, op: Operation, found: list[int]) -> None:
        """What an operation with regions or successors is, without these."""
        named = [*op.properties.items(), None, *op.attributes.items()]
        texts = [item and (item[0], self.attribute(item[1])) for item in named]
        types = [self.attribute(kind) for kind in types_of(op)]
        sizes = (len(operands_of(op)), *[len(region.blocks) for region in op.regions])
        found.append(self._number((op.name, sizes, *types, *texts)))
        found += [_place(block) for block in op.successors]


def spelled(attribute: Attribute) -> str:
    """An attribute as xDSL prints it."""
    stream = StringIO()
    Printer(stream).print_attribute(attribute)
    return stream.getvalue()


def _place(block: Block) -> int:
    """Where a block stands in its region."""
    region = block.parent
    return -1 if region is None else region.get_block_index(block)


class _Quick(Printer):
    """Knows the texts of attributes, and writes without counting columns."""

    def __init__(self, texts: Texts, stream: StringIO, locations: bool) -> None:
        super().__init__(stream, print_debuginfo=locations)
        self.texts, self.write = texts, stream.write

    def print_string(self, text: str, *, indent: int | None = None) -> None:
        if "\n" in text:
            super().print_string(text, indent=indent)
        else:
            self.write(text)

    def print_attribute(self, attribute: Attribute) -> None:
        if isinstance(attribute, LocationAttr):
            self.write(self.texts.location(attribute))
        else:
            self.write(self.texts.attribute(attribute))


class _WithGaps(_Quick):
    """Prints marks in the place of names."""

    def __init__(self, texts: Texts) -> None:
        super().__init__(texts, StringIO(), locations=False)
        self._places: dict[SSAValue, int] = {}

    def of(self, op: Operation, values: Sequence[SSAValue]) -> str:
        """An operation, with marks for its values."""
        stream = StringIO()
        self.stream, self.write = stream, stream.write
        self._places = {value: index for index, value in enumerate(values)}
        self.print_op(op)
        return stream.getvalue()

    def print_ssa_value(self, value: SSAValue) -> str:
        mark = f"\0{self._places[value]};"
        self.write(mark)
        return mark


class _FromTexts(_Quick):
    """Prints what is known already."""

    def print_op(self, op: Operation) -> None:
        gaps = self.texts.gaps(op)
        if gaps is None:
            super().print_op(op)
            return
        text, places, _ = gaps
        values: Sequence[SSAValue] = (*op.results, *operands_of(op))
        names = tuple([self._name(values[place]) for place in places])
        self.write(f"{text % names} {self.texts.location(op.location)}")

    def _name(self, value: SSAValue) -> str:
        """The name of a value, by the rules of `print_ssa_value`."""
        known = self._ssa_values.get(value)
        if known is None:
            hint = value.name_hint
            if hint:
                count = self.ssa_names.get(hint, 0)
                known = f"{hint}_{count}" if count else hint
                self.ssa_names[hint] = count + 1
            else:
                known = self._get_new_valid_name_id()
            self._ssa_values[value] = known
        return f"%{known}"
