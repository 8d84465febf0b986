"""
Put virtual registers into the registers of the target.

```mlir
func.func @step() attributes {lpu.symbols = #lpu.symbols<[P in 1 to 8]>} {
  lpu_isa.li v0, 100
  lpu_isa.li v1, 4
  lpu_isa.li v2, 0
  lpu_isa.label @loop0
  lpu_isa.muli v3, v2, 64
  lpu_isa.fill (v1, v1, v1, v1), f32 v3[r0, r0, r0, v1], v0
  lpu_isa.loop v2, r1, 1, @loop0
  lpu_isa.addi v4, r1, 400
  lpu_isa.fill (v0, v0, v0, v0), f32 v4[r0, r0, r0, v1], r0
  lpu_isa.halt
}
```
becomes
```mlir
func.func @step() attributes {lpu.symbols = #lpu.symbols<[P in 1 to 8]>} {
  lpu_isa.li r255, 0
  lpu_isa.li r254, 4
  lpu_isa.li r253, 100
  lpu_isa.label @loop0
  lpu_isa.muli r2, r255, 64
  lpu_isa.fill (r254, r254, r254, r254), f32 r2[r0, r0, r0, r254], r253
  lpu_isa.loop r255, r1, 1, @loop0
  lpu_isa.addi r2, r1, 400
  lpu_isa.li r3, 100
  lpu_isa.li r4, 4
  lpu_isa.fill (r3, r3, r3, r3), f32 r2[r0, r0, r0, r4], r0
  lpu_isa.halt
}
```

Values that live across blocks, and constants used in loops, share out all registers but those that
the largest instruction needs, most used first; such a constant is loaded before the outermost loop.
What follows from the number of a device is treated as constants are (`registers.made`).
What finds no register lies in a spill slot at the top of the LMU: written by `sts` where it is
computed, read by `lds` in each block that uses it. Within a block the remaining registers hold what
was used last; the value whose next use is furthest away makes room, a constant is loaded again.
Symbols keep the registers that they come in, unless an instruction finds too few others
(`registers.entry`).
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import LocationAttr, ModuleOp, UnknownLoc
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from dialects.devices import is_device_symbol
from dialects.errors import CompileError
from dialects.lpu.interface import symbols_of
from dialects.lpu_isa.code import Code, Item
from dialects.lpu_isa.ops import IsaOp, LabelOp, instruction, label
from dialects.lpu_mem.target import SPILL_SLOTS, spill_base, target_of
from dialects.reading import operations
from passes.lpu_isa.registers.blocks import BlockAllocation
from passes.lpu_isa.registers.entry import entry_of
from passes.lpu_isa.registers.liveness import Lifetime, Liveness, Places, by_weight
from passes.lpu_isa.registers.made import Made
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import append, erase, take_out
from passes.specification import EXACT, Specification
from runtime.isa import Lds, Loop, Sts
from runtime.target import Target


class Allocation:
    """Registers and slots of one function."""

    def __init__(
        self, items: Sequence[Item], symbols: Sequence[str], registers: int, spill_base: int
    ) -> None:
        entry = entry_of(items, len(symbols), registers)
        self.items, self.stored = entry.items, entry.stored
        devices = [n for n, name in enumerate(symbols, start=1) if is_device_symbol(name)]
        held = frozenset(self.stored.get(register, register) for register in devices)
        self.live = live = Liveness([item for item, _ in self.items], held)
        self.spill_base = spill_base
        self.pool = [*self.stored, *range(len(symbols) + 1, registers)]
        self.pins: dict[int, int] = {}
        self.made_pins: dict[tuple[int, Made], int] = {}
        self.slots: dict[int, int] = {}
        self.pinned_in: list[set[int]] = [set() for _ in live.blocks]
        self.heads = {
            item.target(): item.values[0]
            for item, _ in self.items
            if isinstance(item, Code) and item.inst is Loop
        }
        self._share_out(len(self.pool) - entry.need)

    def _share_out(self, count: int) -> None:
        """Pin the most used keys, loop variables first, and give the other values slots."""
        variables, places, slots = set(self.heads.values()), Places(count), Places(SPILL_SLOTS)
        for register in self.stored.values():
            always = Lifetime(register, 0, len(self.items))
            self.slots[register] = self._slot_address(slots.take(always))
        lives = [life for life in self.live.lifetimes.values() if life.key not in self.slots]
        crossing = [life for life in lives if life.crosses]
        first = [life for life in crossing if life.key in variables]
        rest = [life for life in crossing if life.key not in variables]
        for life in (*by_weight(first), *by_weight((*rest, *self.live.hoistable.values()))):
            place = places.take(life)
            if place is not None:
                self._pin(life, self.pool[-1 - place])
            elif isinstance(life.key, int):
                self.slots[life.key] = self._slot_address(slots.take(life))
        self.local_slots = len(slots.starts)

    def _pin(self, life: Lifetime, register: int) -> None:
        if isinstance(life.key, int):
            self.pins[life.key] = register
        else:
            self.made_pins[life.key] = register  # pyright: ignore[reportArgumentType]
        blocks = self.live.block_of
        for block in range(blocks[life.first], blocks[life.last] + 1):
            self.pinned_in[block].add(register)

    def _slot_address(self, slot: int | None) -> int:
        if slot is None or slot >= SPILL_SLOTS:
            raise CompileError(f"internal: more than {SPILL_SLOTS} scalars do not fit in registers")
        return self.spill_base + 8 * slot

    def run(self) -> list[Item]:
        """The code on machine registers."""
        start = self.items[0][1] if self.items else UnknownLoc()
        out: list[Item] = [
            (Code(Sts, (symbol, self.slots[register])), start)
            for symbol, register in self.stored.items()
        ]
        hoisted: dict[int, list[tuple[Made, int]]] = {}
        for (head, made), register in self.made_pins.items():
            hoisted.setdefault(head, []).append((made, register))
        for number, block in enumerate(self.live.blocks):
            location = self.items[block.start][1]
            for made, register in hoisted.get(block.start, ()):
                out += [(code, location) for code in made.code(register, self.slots)]
            out += self._block(number, block)
        return out

    def _block(self, number: int, block: range) -> list[Item]:
        loop = self.live.loop_of[block.start]
        head = loop.outermost.head if loop is not None else -1
        free = [r for r in self.pool if r not in self.pinned_in[number]]
        state = BlockAllocation(
            self.live,
            free,
            pin_of=lambda key: (
                self.made_pins.get((head, key)) if isinstance(key, Made) else self.pins.get(key)  # pyright: ignore[reportArgumentType, reportCallIssue]
            ),
            slots=self.slots,
            local_slot=lambda index: self._slot_address(self.local_slots + index),
        )
        items: list[Item] = []
        for position in block:
            items += self._with_kept(*self.items[position])
        return state.run(items)

    def _with_kept(self, item: Code | str, location: LocationAttr) -> list[Item]:
        """An item. A loop variable in a slot passes in a register from the end to the head."""
        counter = self.pool[0]
        if isinstance(item, str) and (slot := self.slots.get(self.heads.get(item, 0))):
            load, keep = Code(Lds, (counter, slot)), Code(Sts, (counter, slot))
            return [(load, location), (item, location), (keep, location)]
        if isinstance(item, Code) and item.inst is Loop and item.values[0] in self.slots:
            load = Code(Lds, (counter, self.slots[item.values[0]]))
            return [(load, location), (Code(Loop, (counter, *item.values[1:])), location)]
        return [(item, location)]


def allocate(func: FuncOp, target: Target) -> None:
    """Replace the instructions of a function by ones on machine registers."""
    symbols = tuple(symbols_of(func).registers)
    kept: list[Operation] = []
    items: list[Item] = []
    for op in operations(func.body.block):
        if isinstance(op, IsaOp):
            items.append((op.code.data, op.location))
        elif isinstance(op, LabelOp):
            items.append((op.label.data, op.location))
        else:
            kept.append(op)
    code = Allocation(items, symbols, target.registers, spill_base(target)).run()
    block = func.body.block
    for op in take_out(block):
        if isinstance(op, IsaOp | LabelOp):
            erase(op)
    new = [label(i, at) if isinstance(i, str) else instruction(i, at) for i, at in code]
    for op in [*kept, *new]:
        append(op, block)


class LpuIsaAllocateRegistersPass(RewritingPass):
    """Replace virtual registers by those of the target, spilling through the LMU."""

    name = "lpu-isa-allocate-registers"
    specification = Specification(
        level="lpu_isa",
        after={"streams": "registers live where code stands"},
        gives=("registers",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        target = target_of(module)
        for func in module.ops:
            if isinstance(func, FuncOp):
                allocate(func, target)
