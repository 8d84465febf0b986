"""The instruction set: one class per instruction, everything else derived from the table `ISA`.

An instruction is a frozen dataclass whose fields carry their place in the word:

    Map2("add", extents=(0, 0, 0, 4), dst=Operand(F32, 5, (0, 0, 0, 6)), a=..., b=...)

`fields` and `kinds` say what stands in a word, `spec` holds the base classes and `instructions` the
instructions; `encoding`, `syntax` and `docs` are the loops over the table.
"""

from runtime.isa.instructions.ctrl import (
    Add,
    Addi,
    Bge,
    Divi,
    Halt,
    Jump,
    Lds,
    Li,
    Loop,
    Max,
    Min,
    Mov,
    Mul,
    Muli,
    Out,
    Sts,
    Sub,
)
from runtime.isa.instructions.gather import Gather, Scatter
from runtime.isa.instructions.matrix import Vecmat
from runtime.isa.instructions.memory import Load, Store, Stream
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.instructions.reduction import Reduce, Scan, TopK
from runtime.isa.instructions.vector import Cast, Copy, Fill, Iota, Map1, Map2, Select
from runtime.isa.spec import ISA, ISA_VERSION, CtrlInst, DataInst, Inst, Operand, Unit

__all__ = [
    "ISA", "ISA_VERSION", "Add", "Addi", "Bge", "Cast", "Copy", "CtrlInst", "DataInst", "Divi",
    "Fill", "Gather", "Halt", "Inst", "Iota", "Jump", "Lds", "Li", "Load", "Loop", "Map1", "Map2",
    "Max", "Min", "Mov", "Mul", "Muli", "Operand", "Out", "Recv", "Reduce", "Scan", "Scatter",
    "Select", "Send", "Store", "Stream", "Sts", "Sub", "TopK", "Unit", "Vecmat",
]  # fmt: skip
