"""
Give every buffer its address.

```mlir
func.func @step(%x : !lpu_mem.buffer<hbm, f32, 100>) {
  %w = lpu_mem.param <file("w", 0, [9], f32)> : !lpu_mem.buffer<hbm, f32, 9>
  %y = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 100>
  %t = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 9>
  lpu_mem.copy %t, %w <[9] {0: [1]} {0: [1]}> :
      !lpu_mem.buffer<lmu, f32, 9>, !lpu_mem.buffer<hbm, f32, 9>
  lpu_mem.copy %y, %t <[9] {0: [1]} {0: [1]}> :
      !lpu_mem.buffer<hbm, f32, 100>, !lpu_mem.buffer<lmu, f32, 9>
  lpu_mem.return %y : !lpu_mem.buffer<hbm, f32, 100>
}
```
becomes
```mlir
func.func @step(%x : !lpu_mem.buffer<hbm, f32, 100>) attributes {
    lpu_mem.arguments = #lpu.ints<[64]>, lpu_mem.params_size = 36 : i64,
    lpu_mem.arena_base = 64 : i64, lpu_mem.arena_size = 896 : i64} {
  %w = lpu_mem.param <file("w", 0, [9], f32)> at 0 : !lpu_mem.buffer<hbm, f32, 9>
  %y = lpu_mem.alloc at 512 : !lpu_mem.buffer<hbm, f32, 100>
  %t = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 9>
  lpu_mem.copy %t, %w <[9] {0: [1]} {0: [1]}> :
      !lpu_mem.buffer<lmu, f32, 9>, !lpu_mem.buffer<hbm, f32, 9>
  lpu_mem.copy %y, %t <[9] {0: [1]} {0: [1]}> :
      !lpu_mem.buffer<hbm, f32, 100>, !lpu_mem.buffer<lmu, f32, 9>
  lpu_mem.return %y : !lpu_mem.buffer<hbm, f32, 100>
}
```

HBM holds the weights first, equal ones once, and the arena behind them. Inputs and outputs lie in
the arena for the whole program; another buffer lives from the first to the last top-level operation
that touches it, and its place is free before and after. A buffer of the LMU lives likewise, so that
every tile loop starts with an empty LMU, whose top is kept for spilled scalars.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import I64, IntegerAttr, ModuleOp, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from dialects.errors import CompileError, node_names
from dialects.lpu.attributes import IntsAttr
from dialects.lpu.weights import WeightAttr
from dialects.lpu_mem.ops import AllocOp, ParamOp, ReturnOp, buffer_of
from dialects.lpu_mem.target import spill_base, target_of
from runtime.target import Target

ALIGNMENT = 64
TIGHT = 8
"""Alignment of LMU buffers that do not fit at 64: that of the largest element."""


@dataclass(slots=True)
class Life:
    """A buffer and the top-level operations, by number, between which it is live."""

    value: SSAValue
    first: int
    last: int
    nbytes: int = 0
    address: int = 0

    def __post_init__(self) -> None:
        self.nbytes = max(buffer_of(self.value).nbytes, 1)


def up(value: int, alignment: int) -> int:
    """The smallest multiple of the alignment that is not below the value."""
    return -(-value // alignment) * alignment


def place(lives: Iterable[Life], alignment: int) -> int:
    """First fit: choose addresses so that buffers live at once are disjoint. Returns the peak."""
    active: list[Life] = []
    peak = 0
    for life in sorted(lives, key=lambda x: x.first):
        active = [other for other in active if other.last >= life.first]
        index, life.address = _first_gap(active, life.nbytes, alignment)
        active.insert(index, life)
        peak = max(peak, life.address + life.nbytes)
    return peak


def _first_gap(active: Sequence[Life], nbytes: int, alignment: int) -> tuple[int, int]:
    """Where among buffers sorted by address, and at which address, there is room."""
    at = 0
    for index, other in enumerate(active):
        if at + nbytes <= other.address:
            return index, at
        at = up(other.address + other.nbytes, alignment)
    return len(active), at


def lives_of(body: Sequence[Operation]) -> dict[SSAValue, Life]:
    """The life of every buffer that an `alloc` makes, in program order."""
    lives: dict[SSAValue, Life] = {}
    for number, top in enumerate(body):
        for op in top.walk():
            for value in (*op.operands, *_nested_alloc(op, top)):
                life = lives.get(value)
                if life is not None:
                    life.last = number
                elif isinstance(value.owner, AllocOp):
                    lives[value] = Life(value, number, number)
    return lives


def _nested_alloc(op: Operation, top: Operation) -> Sequence[SSAValue]:
    return op.results if isinstance(op, AllocOp) and op is not top else ()


def allocate(func: FuncOp, target: Target) -> None:
    """Write addresses to the operations of one function and the sizes to the function."""
    body = list(func.body.block.ops)
    lives = lives_of(body)
    arena = up(params_size := _place_params(body), ALIGNMENT)
    hbm = [life for life in lives.values() if buffer_of(life.value).space == "hbm"]
    ports = _ports(func, body, len(body))
    fixed = _place_in_sequence(ports, arena)
    size = _place_arena(hbm, {life.value for life in ports}, fixed) - arena
    if arena + size > target.hbm_bytes:
        over = arena + size - target.hbm_bytes
        raise CompileError(
            f"weights, cache and activations need {arena + size} bytes of HBM, "
            f"{over} more than '{target.name}' has",
            hint="choose a smaller --max-context or a lower --precision",
        )
    _place_tiles([life for life in lives.values() if buffer_of(life.value).space == "lmu"], target)
    addresses = {life.value: life.address for life in (*lives.values(), *ports)}
    for value, address in addresses.items():
        if isinstance(value.owner, AllocOp):
            value.owner.address = IntegerAttr(address, i64)
    func.attributes["lpu_mem.arguments"] = IntsAttr(tuple(addresses[a] for a in func.args))
    numbers = {
        "params_size": params_size,
        "arena_base": arena,
        "arena_size": size,
    }
    func.attributes.update({f"lpu_mem.{k}": IntegerAttr(v, i64) for k, v in numbers.items()})


def _place_params(body: Sequence[Operation]) -> int:
    """Addresses of the weights, equal ones the same; returns the end."""
    known: dict[WeightAttr, IntegerAttr[I64]] = {}
    end = 0
    for op in body:
        if not isinstance(op, ParamOp):
            continue
        if op.value not in known:
            at = up(end, ALIGNMENT)
            known[op.value] = IntegerAttr(at, i64)
            end = at + buffer_of(op.result).nbytes
        op.address = known[op.value]
    return end


def _ports(func: FuncOp, body: Sequence[Operation], end: int) -> list[Life]:
    """Buffers of inputs and outputs, each once."""
    values: dict[SSAValue, None] = dict.fromkeys(func.args)
    if body and isinstance(body[-1], ReturnOp):
        values.update(dict.fromkeys(body[-1].operands))
    return [Life(value, 0, end) for value in values]


def _place_in_sequence(lives: Sequence[Life], start: int) -> int:
    for life in lives:
        life.address = start
        start = up(start + life.nbytes, ALIGNMENT)
    return start


def _place_arena(lives: Sequence[Life], fixed: set[SSAValue], start: int) -> int:
    """Place what is not a port behind the ports; returns the end."""
    shared = [life for life in lives if life.value not in fixed]
    peak = place(shared, ALIGNMENT)
    for life in shared:
        life.address += start
    return up(start + peak, ALIGNMENT)


def _place_tiles(lives: Sequence[Life], target: Target) -> None:
    room = spill_base(target)
    if place(lives, ALIGNMENT) <= room or place(lives, TIGHT) <= room:
        return
    worst = max(lives, key=lambda life: life.address + life.nbytes)
    need = worst.address + worst.nbytes
    names = node_names(_user(worst.value))
    raise CompileError(
        f"tiles of {need} bytes do not fit into the {room} bytes of LMU that '{target.name}' has "
        f"beside {target.lmu_bytes - room} bytes of spill slots, by {need - room} bytes",
        node=names[0] if names else None,
    )


def _user(value: SSAValue) -> Operation:
    assert isinstance(value.owner, Operation)
    return next((use.operation for use in value.uses), value.owner)


@dataclass(frozen=True)
class LpuMemAllocatePass(ModulePass):
    """Choose the address of every buffer in HBM and LMU."""

    name = "lpu-mem-allocate"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for func in op.ops:
            if isinstance(func, FuncOp):
                allocate(func, target)
