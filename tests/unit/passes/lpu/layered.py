"""Models made of equal layers, for tests of what rolls them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.builtin import FunctionType, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region, SSAValue

from dialects.affine import Affine
from dialects.lpu.attributes import AffineListAttr, SymbolsAttr
from dialects.lpu.control import ReadOp, StateOp, StateType, WriteOp
from dialects.lpu.interface import Interface, InterfaceAttr, Value
from dialects.lpu.ports import StatePort, StatePortsAttr
from dialects.lpu.types import Tensor, TensorType
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

F32 = ElementType.F32
WIDTH = 4
ROW = Tensor.of((1, WIDTH), F32)
P = Affine.symbol("P")
STEPS = ("product", "shared", "residual", "scale", "mask", "iota", "neg", "state", "output")


@dataclass
class Layered:
    """Builds a function of some layers, each of the same steps."""

    steps: Sequence[str]
    layers: int
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def module(self) -> ModuleOp:
        block = Block(arg_types=[TensorType(ROW)] * 3)
        end = ReturnOp()
        block.add_op(end)
        self.build, self.results = Build(end), list[SSAValue]()
        ids, *self.masks = block.args
        self.shared_weight = self.weight()
        value = self.build.map("tanh", ids)
        for layer in range(self.layers):
            self.entry = value
            for step in self.steps:
                value = getattr(self, f"do_{step}")(value, layer)
        end.operands = [self.build.map("exp", value), *self.results]
        kind = FunctionType.from_lists([a.type for a in block.args], [v.type for v in end.operands])
        func = FuncOp("step", kind, Region(block))
        roles = {"x": "ids", "mask.0": "mask", "mask.1": "mask"}
        ports = (
            tuple(Value(name, role, F32) for name, role in roles.items()),
            tuple(Value(f"y.{i}", "data", F32) for i in range(len(end.operands))),
        )
        func.attributes |= {
            "lpu.interface": InterfaceAttr(Interface(*ports)),
            "lpu.symbols": SymbolsAttr((("P", 0, 7),)),
        }
        return ModuleOp([func])

    def weight(self) -> SSAValue:
        return self.build.array(self.rng.standard_normal((WIDTH, WIDTH)).astype(np.float32))

    def do_product(self, value: SSAValue, _layer: int) -> SSAValue:
        return self.build.matmul(value, self.weight())

    def do_shared(self, value: SSAValue, _layer: int) -> SSAValue:
        return self.build.matmul(value, self.shared_weight)

    def do_residual(self, value: SSAValue, _layer: int) -> SSAValue:
        return self.build.map("tanh", self.build.map("add", value, self.entry))

    def do_scale(self, value: SSAValue, layer: int) -> SSAValue:
        return self.build.map("mul", value, self.build.scalar(0.5 + layer, F32))

    def do_mask(self, value: SSAValue, layer: int) -> SSAValue:
        return self.build.map("add", value, self.masks[layer % 2])

    def do_iota(self, value: SSAValue, layer: int) -> SSAValue:
        numbers = self.build.iota(3 * layer, (1,), (WIDTH,))
        return self.build.map("add", value, self.build.cast(numbers, F32))

    def do_neg(self, value: SSAValue, _layer: int) -> SSAValue:
        return self.build.map("neg", value)

    def do_output(self, value: SSAValue, _layer: int) -> SSAValue:
        self.results.append(value)
        return value

    def do_state(self, value: SSAValue, layer: int) -> SSAValue:
        """Append the value to a state of this layer and add all of it up."""
        build, offsets = self.build, AffineListAttr((Affine(), P, Affine()))
        past, whole = ((1, P + more, WIDTH) for more in (0, 1))
        name = f"{layer}.{self.rng.integers(1 << 40)}"
        state = StateOp.create(
            result_types=[StateType(Tensor.of((1, 8, WIDTH), F32))],
            properties={
                "state": StringAttr(name),
                "inputs": _port(f"past.{name}", "past", past),
                "outputs": _port(f"present.{name}", "present", whole),
            },
        )
        build.insert(state)
        row = build.reshape(value, (1, 1, WIDTH))
        write = WriteOp.create(operands=[state.result, row], properties={"offsets": offsets})
        build.insert(write)
        read = ReadOp.create(
            operands=[state.result],
            properties={"offsets": AffineListAttr((Affine(),) * 3)},
            result_types=[TensorType(Tensor.of(whole, F32))],
        )
        build.insert(read)
        return build.reshape(build.reduce("sum", read.result, [1]), (1, WIDTH))


def _port(name: str, role: str, dims: tuple[Affine | int, ...]) -> StatePortsAttr:
    return StatePortsAttr((StatePort(name, role, F32, tuple(map(Affine.of, dims)), (0, 0, 0)),))
