"""A program in which every byte of every data instruction it executes matters.

All extents are above 1 and pairwise different, and strides of the operands differ.
"""

import numpy as np

from runtime.isa import Cast, Halt, Inst, Li, Load, Map1, Map2, Operand, Select, Store
from runtime.numerics.elements import ElementType
from runtime.program.interface import Dim, Port
from runtime.program.program import Program
from tests.unit.runtime.program.programs import program

E = ElementType
SHAPE = (2, 3, 4, 5)
INPUT = {"x": np.random.default_rng(3).uniform(0.5, 2, SHAPE).astype(np.float32)}
X, Y = 1024, 2048


def everything() -> Program:
    """y = x if x > sqrt(x) else f16(x + sqrt(x)), with x and its root laid out differently."""
    extents, dense, loose = (2, 3, 4, 5), (6, 7, 8, 4), (10, 11, 12, 4)
    values = {2: 2, 3: 3, 4: 4, 5: 5, 6: 240, 7: 80, 8: 20, 10: 304, 11: 100, 12: 24}
    values |= {16: X, 17: Y, 20: 64, 21: 1600, 22: 2400, 23: 60, 24: 10, 25: 3000, 26: 1}
    values |= {27: 120, 28: 40}
    x, y = Operand(E.F32, 16, dense), Operand(E.F32, 17, dense)
    a, b = Operand(E.F32, 20, loose), Operand(E.F32, 21, dense)
    half = Operand(E.F16, 22, (27, 28, 24, 2))
    cond = Operand(E.BOOL, 25, (23, 8, 5, 26))
    code: list[Inst] = [Li(register, value) for register, value in values.items()]
    code += [
        Load(extents, a, x),
        Map1("sqrt", extents, b, a),
        Map2("gt", extents, cond, a, b),
        Map2("add", extents, b, a, b),
        Cast(extents, half, b),
        Cast(extents, b, half),
        Select(extents, b, cond, a, b),
        Store(extents, y, b),
        Halt(),
    ]
    shape = tuple(Dim(n) for n in SHAPE)
    inputs = [Port("x", E.F32, E.F32, shape, (60, 20, 5, 1), X)]
    return program(code, inputs, [Port("y", E.F32, E.F32, shape, (60, 20, 5, 1), Y)])
