"""
How nodes of a graph are written, those with regions too.

```mlir
%y = onnx.Neg(%x) {since_version = 13 : i64} : (!lpu.tensor<[4], f32>) -> !lpu.tensor<[4], f32>
%z = onnx.If(%c) : (!lpu.tensor<[], bool>) -> !lpu.tensor<*, f32> { ... } else { ... }
```

Operands, properties and attributes in one dictionary, the type of the node, its regions.
"""

from __future__ import annotations

from typing import TypeVar

from xdsl.ir import Region
from xdsl.irdl import IRDLOperation
from xdsl.parser import Parser
from xdsl.printer import Printer

Node = TypeVar("Node", bound=IRDLOperation)


def print_node(op: IRDLOperation, printer: Printer, between: str = "") -> None:
    """Write what stands behind the name; the word `between` is set between two regions."""
    with printer.in_parens():
        printer.print_list(op.operands, printer.print_ssa_value)
    printer.print_op_attributes({**op.properties, **op.attributes})
    printer.print_string(" : ")
    printer.print_function_type(op.operand_types, op.result_types)
    for index, region in enumerate(op.regions):
        printer.print_string(f" {between} " if index else " ")
        printer.print_region(region)


def parse_node(cls: type[Node], parser: Parser, between: str = "") -> Node:
    """Read it: entries that the class knows are properties, and it has as many regions."""
    position = parser.pos
    names = parser.parse_comma_separated_list(
        parser.Delimiter.PAREN, parser.parse_unresolved_operand
    )
    entries = parser.parse_optional_attr_dict()
    parser.parse_punctuation(":")
    types = parser.parse_function_type()
    operands = parser.resolve_operands(names, list(types.inputs), position)
    definition = cls.get_irdl_definition()
    regions: list[Region] = []
    for index in range(len(definition.regions)):
        if index:
            parser.parse_keyword(between)
        regions.append(parser.parse_region())
    return cls.create(
        operands=operands,
        result_types=list(types.outputs),
        properties={k: v for k, v in entries.items() if k in definition.properties},
        attributes={k: v for k, v in entries.items() if k not in definition.properties},
        regions=regions,
    )
