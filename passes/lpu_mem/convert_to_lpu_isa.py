"""
Select instructions: loops become branches, affine expressions scalar arithmetic.

```mlir
func.func @step(%x : !lpu_mem.buffer<hbm, f32, 512>) attributes {
    lpu.symbols = #lpu.symbols<[P in 0 to 8]>, lpu_mem.arguments = #lpu.ints<[4096]>,
    lpu_mem.inputs = [#lpu_mem.port<"x", data, f32, [P, 64], [64, 1], 0>],
    lpu_mem.outputs = [#lpu_mem.port<"y", data, f32, [P, 64], [64, 1], 0>]} {
  lpu_mem.for "i" to <P> step 1 {
    %t = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 64>
    lpu_mem.copy %t, %x <[64] {0: [1]} {64*i: [1]}> :
        !lpu_mem.buffer<lmu, f32, 64>, !lpu_mem.buffer<hbm, f32, 512>
    lpu_mem.map "neg" %t, %t <[64] {0: [1]} {0: [1]}> :
        !lpu_mem.buffer<lmu, f32, 64>, !lpu_mem.buffer<lmu, f32, 64>
    lpu_mem.copy %x, %t <[64] {64*i: [1]} {0: [1]}> :
        !lpu_mem.buffer<hbm, f32, 512>, !lpu_mem.buffer<lmu, f32, 64>
  }
  lpu_mem.return %x : !lpu_mem.buffer<hbm, f32, 512>
}
```
becomes
```mlir
func.func @step() attributes {
    lpu.symbols = #lpu.symbols<[P in 0 to 8]>,
    lpu_mem.inputs = [#lpu_mem.port<"x", data, f32, [P, 64], [64, 1], 0>],
    lpu_mem.outputs = [#lpu_mem.port<"y", data, f32, [P, 64], [64, 1], 0>],
    lpu_isa.inputs = [#lpu_isa.slot<f32 at 4096>], lpu_isa.outputs = [#lpu_isa.slot<f32 at 4096>]} {
  lpu_isa.li v1, 1
  lpu_isa.li v2, 64
  lpu_isa.li v3, 4
  lpu_isa.li v4, 4096
  lpu_isa.li v0, 0
  lpu_isa.bge r0, r1, @end1
  lpu_isa.label @loop0
  lpu_isa.muli v5, v0, 256
  lpu_isa.add v6, v4, v5
  lpu_isa.load (v1, v1, v1, v2), f32 r0[r0, r0, r0, v3], f32 v6[r0, r0, r0, v3]
  lpu_isa.map1 neg, (v1, v1, v1, v2), f32 r0[r0, r0, r0, v3], f32 r0[r0, r0, r0, v3]
  lpu_isa.store (v1, v1, v1, v2), f32 v6[r0, r0, r0, v3], f32 r0[r0, r0, r0, v3]
  lpu_isa.loop v0, r1, 1, @loop0
  lpu_isa.label @end1
  lpu_isa.halt
}
```

Every operation names buffers with addresses (`lpu-mem-allocate`) and has four axes at most. The
symbols of the function are in the first registers, `P` in `r1`; all others are virtual, and each is
written by one instruction, except a loop variable, which its `loop` advances. Each `lpu_isa`
operation has the location of the operation it came from. A loop that runs once is no loop.
"""

from __future__ import annotations

from typing import cast

from xdsl.dialects.builtin import ArrayAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine
from dialects.lpu.attributes import IntsAttr
from dialects.lpu.interface import symbols_of
from dialects.lpu_isa.code import Code, Item, Slot, SlotAttr
from dialects.lpu_isa.ops import WeightOp, instruction, label
from dialects.lpu_mem import control, ops
from dialects.lpu_mem.ops import buffer_of
from dialects.lpu_mem.ports import PortAttr
from passes.lpu_mem.selection.instructions import Selection
from passes.lpu_mem.selection.scopes import IMM32, Scope, Scopes
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import block_of, set_attribute
from passes.rewriting.signature import become
from passes.specification import SUMS, Specification
from runtime.isa import Addi, Bge, Halt, Lds, Li, Loop, Mov, Out


class Lowering:
    """Turns the body of one function into instructions."""

    def __init__(self, func: FuncOp) -> None:
        self.scopes = Scopes(symbols_of(func))
        self.addresses = argument_addresses(func)
        self.selection = Selection(self.scopes, self.address_of)
        self.weights: dict[object, WeightOp] = {}
        self.inputs = list(zip(ports_of(func, "inputs"), func.args, strict=True))
        self.outputs: list[tuple[PortAttr, SSAValue]] = []
        self.output_ports = ports_of(func, "outputs")
        self.output_ports_of_states: list[tuple[PortAttr, SSAValue]] = []
        self.ends: list[str] = []
        self.code: list[Item] = []

    def address_of(self, value: SSAValue) -> int:
        """The byte address of a buffer, from its definition."""
        if value not in self.addresses:
            op = value.owner
            assert isinstance(op, ops.AllocOp | ops.ParamOp | control.StateOp)
            assert op.address is not None
            self.addresses[value] = op.address.value.data
        return self.addresses[value]

    def function(self, func: FuncOp) -> None:
        """Lower all operations; a loop at the top level is a region of its own."""
        for op in func.body.block.ops:
            if isinstance(op, control.ForOp):
                self.code += self.scopes.close_region()
                self.operation(op)
                self.code += self.scopes.close_region()
            else:
                self.operation(op)
        self.code += self.scopes.close_region()

    def operation(self, op: Operation) -> None:
        self.scopes.location = op.location
        match op:
            case ops.AllocOp():
                pass
            case ops.ParamOp():
                self._weight(op)
            case control.StateOp():
                self.inputs += [(port, op.result) for port in op.inputs]
                self.output_ports_of_states += [(port, op.result) for port in op.outputs]
            case control.EmitOp():
                self._emit(op)
            case control.ForOp():
                self._loop(op)
            case control.MinOp():
                self._minimum(op)
            case control.ReturnOp():
                self.outputs = list(zip(self.output_ports, op.operands, strict=True))
                self.scopes.emit(Code.of(Halt))
            case ops.DataOp():
                self.selection.select(op)
            case _:
                raise AssertionError(f"{op.name} does not belong to the level lpu_mem")

    def _weight(self, op: ops.ParamOp) -> None:
        if op.value not in self.weights:
            assert op.address is not None
            properties = {"value": op.value, "address": op.address}
            self.weights[op.value] = WeightOp.create(properties=properties, location=op.location)

    def _minimum(self, op: control.MinOp) -> None:
        scopes, name, bound = self.scopes, op.variable.data, op.bound.value.data
        value = scopes.resolve(op.value.data)
        low, high = value.bounds(scopes.ranges)
        if bound <= low or high <= bound:
            scopes.equal[name] = value if high <= bound else Affine(bound)
            return
        depth, register = scopes.minimum(value, bound)
        scopes.bind(name, register, depth, min(low, bound), bound)

    def _loop(self, op: control.ForOp) -> None:
        scopes, name, step = self.scopes, op.variable.data, op.step.value.data
        lower, upper = scopes.resolve(op.first), scopes.resolve(op.upper.data)
        least, most = (upper - lower).bounds(scopes.ranges)
        if most <= 0:
            return
        if least >= 1 and most <= step and not _may_leave(op):
            scopes.equal[name] = lower
            self._body(op)
            return
        bound, variable, depth = self._bound(upper), scopes.fresh(), len(scopes.stack)
        head, end = scopes.label("loop"), scopes.label("end")
        low, high = op.span(scopes.ranges)
        scopes.stack.append(Scope())
        scopes.bind(name, variable, depth, low, high)
        self.ends.append(end)
        self._body(op)
        self.ends.pop()
        body = scopes.stack.pop()
        scopes.location = op.location
        if lower.is_const:
            scopes.emit(Code.of(Li, rd=variable, value=lower.const))
        else:
            scopes.emit(Code.of(Mov, rd=variable, ra=scopes.scalar(lower)))
        if least < 1:
            scopes.emit(Code.of(Bge, ra=scopes.scalar(lower), rb=bound, target=end))
        scopes.emit(head)
        scopes.stack[-1].code += body.code
        scopes.emit(Code.of(Loop, rd=variable, rb=bound, step=step, target=head))
        if least < 1 or _may_leave(op):
            scopes.emit(end)

    def _bound(self, upper: Affine) -> int:
        """
        The register that ends a loop.

        A number is not shared with equal constants: the count of the layers may be what an extent
        is, and the program must not be shorter for it.
        """
        if not upper.is_const or abs(upper.const) >= IMM32:
            return self.scopes.scalar(upper)
        bound = self.scopes.fresh()
        self.scopes.emit(Code.of(Addi, rd=bound, ra=0, imm=upper.const), depth=0)
        return bound

    def _body(self, op: control.ForOp) -> None:
        for inner in op.body.block.ops:
            self.operation(inner)

    def _emit(self, op: control.EmitOp) -> None:
        """Leave the loop when `stop` is set, else hand the token over."""
        scopes = self.scopes
        token, stop = (self.address_of(value) for value in op.operands)
        is_set, value, one = scopes.fresh(), scopes.fresh(), scopes.constant(1)
        scopes.emit(Code.of(Lds, rd=is_set, address=stop))
        scopes.emit(Code.of(Bge, ra=is_set, rb=one, target=self.ends[-1]))
        scopes.emit(Code.of(Lds, rd=value, address=token))
        scopes.emit(Code.of(Out, ra=value))

    def operations(self) -> list[Operation]:
        """What was lowered, as operations of the level `lpu_isa`."""
        code: list[Operation] = [*self.weights.values()]
        for item, location in self.code:
            make = label(item, location) if isinstance(item, str) else instruction(item, location)
            code.append(make)
        return code


def argument_addresses(func: FuncOp) -> dict[SSAValue, int]:
    """Addresses of the buffers that hold the inputs."""
    addresses = func.attributes["lpu_mem.arguments"]
    assert isinstance(addresses, IntsAttr)
    return dict(zip(func.args, addresses.data, strict=True))


def ports_of(func: FuncOp, kind: str) -> list[PortAttr]:
    """The ports among the attributes of a function; none if it has none."""
    ports = func.attributes.get(f"lpu_mem.{kind}")
    return list(cast("ArrayAttr[PortAttr]", ports)) if isinstance(ports, ArrayAttr) else []


def _may_leave(op: control.ForOp) -> bool:
    """Whether a token may stop a loop."""
    return any(isinstance(inner, control.EmitOp) for inner in op.body.block.ops)


def lower(func: FuncOp) -> None:
    """Replace a function by one at the level `lpu_isa`."""
    lowering = Lowering(func)
    lowering.function(func)

    def slot(value: SSAValue) -> SlotAttr:
        return SlotAttr(Slot(buffer_of(value).dtype, lowering.address_of(value)))

    new = become(func, block_of(lowering.operations()))
    set_attribute(new, "lpu_mem.arguments", None)
    outputs = lowering.outputs + lowering.output_ports_of_states
    for kind, entries in (("inputs", lowering.inputs), ("outputs", outputs)):
        set_attribute(new, f"lpu_mem.{kind}", ArrayAttr([port for port, _ in entries]))
        set_attribute(new, f"lpu_isa.{kind}", ArrayAttr([slot(value) for _, value in entries]))


class ConvertLpuMemToLpuIsaPass(RewritingPass):
    """Lower tiled and allocated `lpu_mem` functions to instructions on virtual registers."""

    name = "convert-lpu-mem-to-lpu-isa"
    specification = Specification(
        level="lpu_mem",
        to="lpu_isa",
        needs={"addresses": "instructions hold addresses"},
        gives=("instructions",),
        numbers=SUMS,
    )

    def rewrite(self, module: ModuleOp) -> None:
        for func in list(module.ops):
            if isinstance(func, FuncOp) and "lpu_mem.arguments" in func.attributes:
                lower(func)
