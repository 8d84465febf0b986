"""The walk that bufferises a function, and the table of rules, one for each `lpu` operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Attribute, Block, Operation, SSAValue

from dialects.affine import Affine
from dialects.errors import unsupported
from dialects.lpu.tensors import LpuOp
from dialects.lpu.types import Tensor
from dialects.lpu_mem import ops as mem
from dialects.lpu_mem.access import View
from passes.rewriting.kernel import lies
from passes.rewriting.places import MemBuilder, Place
from runtime.numerics.elements import ElementType


@dataclass
class Bufferiser:
    """The walk: where each tensor lies so far."""

    build: MemBuilder
    places: dict[SSAValue, Place]
    prologue: Block = field(default_factory=Block)
    scalars: dict[tuple[ElementType, str], SSAValue] = field(
        default_factory=dict[tuple[ElementType, str], SSAValue]
    )
    written: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    """What an operation writes in the place of its own result: that of the cast behind it."""

    def scalar(self, digits: str, dtype: ElementType) -> Place:
        """One element with the content of a `lpu.fill`, filled once, where the function starts."""
        buffer = self.scalars.get((dtype, digits))
        if buffer is None:
            build = replace(self.build, block=self.prologue)
            buffer = self.scalars[dtype, digits] = build.alloc(dtype, 1)
            view = View(Affine(), ())
            build.data(mem.FillOp, (), [(buffer, view)], value=StringAttr(digits))
        return Place(buffer, Tensor.of((), dtype), Affine(), ())

    def place(self, value: SSAValue) -> Place:
        return self.places[value]

    def visit(self, op: Operation) -> None:
        self.build.location = op.location
        rule = RULES.get(type(op))
        if rule is None:
            raise unsupported(op, "this operation has no form at the lpu_mem level")
        block = self.build.block
        before = block.last_op
        rule(self, op)
        last = block.last_op
        if last is not None and last is not before and op.results and not op.regions:
            value = self.written.get(op.results[0], op.results[0])
            place = self.places[value]
            lies(value, place.buffer, place.view(), last)

    def result(self, op: LpuOp) -> Place:
        """A fresh buffer for the first result."""
        place = self.build.new(op.result_tensor())
        self.places[op.results[0]] = place
        return place

    def elementwise(self, op: LpuOp, cls: type[mem.DataOp], **properties: Attribute) -> None:
        self.elements(self.result(op), op, cls, **properties)

    def elements(
        self, target: Place, op: LpuOp, cls: type[mem.DataOp], **properties: Attribute
    ) -> None:
        """Element by element, into a given place."""
        sources = [self.place(v) for v in op.operands]
        operands = [(target.buffer, target.view())]
        operands += [(s.buffer, s.broadcast(target.dims)) for s in sources]
        self.build.data(cls, target.dims, operands, **properties)


Rule = Callable[[Bufferiser, Operation], None]
RULES: dict[type[Operation], Rule] = {}


def rule(cls: type[Operation]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register how one `lpu` operation is bufferised."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        RULES[cls] = function
        return function

    return register
