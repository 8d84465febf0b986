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

HBM holds the weights first, equal ones once, and the arena behind them: states, which all functions
of the module share, then the inputs and outputs of a function, then buffers that share places when
they are not live at once (`placement.lives`). Tiles take turns in the LMU, so that a load need not
wait for the last reader of its place; they lie behind what `lpu-mem-promote` keeps there and below
the spill slots at its top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import I64, IntegerAttr, ModuleOp, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from dialects.errors import CompileError, node_names
from dialects.lpu.attributes import IntsAttr
from dialects.lpu.weights import WeightAttr
from dialects.lpu_mem.control import ReturnOp, StateOp
from dialects.lpu_mem.ops import AllocOp, ParamOp, buffer_of
from dialects.lpu_mem.target import resident_bytes, spill_base, target_of
from passes.analysis.functions import symbol_ranges
from passes.lpu_mem.placement.lives import WORD, Life, lives_of, place, place_apart, up
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import set_attribute, set_property
from passes.specification import EXACT, Specification
from runtime.target import Target

ALIGNMENT = 64


class Overfull(CompileError):
    """
    The memory of a device has no room for weights and cache, of which devices of a ring have parts
    each, and for activations; sizes in bytes.
    """

    divisible: int = 0
    activations: int = 0
    room: int = 0


@dataclass
class Shared:
    """What all functions of a module have in common: weights and states."""

    params: dict[WeightAttr, IntegerAttr[I64]] = field(
        default_factory=dict[WeightAttr, IntegerAttr[I64]]
    )
    params_size: int = 0
    states: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    states_end: int = 0

    @property
    def arena(self) -> int:
        """Where the arena starts."""
        return up(self.params_size, ALIGNMENT)

    def add_param(self, op: ParamOp) -> None:
        if op.value not in self.params:
            at = up(self.params_size, ALIGNMENT)
            self.params[op.value] = IntegerAttr(at, i64)
            self.params_size = at + buffer_of(op.result).nbytes
        set_property(op, "address", self.params[op.value])

    def add_state(self, op: StateOp) -> None:
        """Note a state; the largest function that names it decides its size."""
        nbytes = buffer_of(op.result).nbytes
        self.states[op.state.data] = (0, max(nbytes, self.states.get(op.state.data, (0, 0))[1]))

    def place_states(self) -> None:
        at = self.arena
        for name, (_, nbytes) in self.states.items():
            self.states[name] = (at, nbytes)
            at = up(at + nbytes, ALIGNMENT)
        self.states_end = at


def allocate(functions: Sequence[FuncOp], target: Target) -> None:
    """Write addresses to the operations of all functions and the sizes to the functions."""
    shared = Shared()
    for func in functions:
        for op in func.walk():
            if isinstance(op, ParamOp):
                shared.add_param(op)
            elif isinstance(op, StateOp):
                shared.add_state(op)
    shared.place_states()
    end = max(_allocate_function(func, shared, target) for func in functions)
    _check_hbm(functions, shared, end, target)
    numbers = {
        "params_size": shared.params_size,
        "arena_base": shared.arena,
        "arena_size": end - shared.arena,
    }
    for func in functions:
        for name, number in numbers.items():
            set_attribute(func, f"lpu_mem.{name}", IntegerAttr(number, i64))


def _allocate_function(func: FuncOp, shared: Shared, target: Target) -> int:
    """Place the buffers of one function; returns the end of the arena that it needs."""
    lives, _ = lives_of(func)
    ports = _ports(func)
    at = shared.states_end
    for life in ports:
        life.address = at
        at = up(at + life.nbytes, ALIGNMENT)
    fixed = {life.value for life in ports}
    free = [life for value, life in lives.items() if value not in fixed]
    hbm = [life for life in free if buffer_of(life.value).space == "hbm"]
    end = up(place(hbm, ALIGNMENT, at), ALIGNMENT)
    tiles = [
        life for life in free if buffer_of(life.value).space == "lmu" and _address(life) is None
    ]
    _place_tiles(tiles, resident_bytes(func), target)
    for life in (*hbm, *tiles, *ports):
        if isinstance(life.value.owner, AllocOp):
            set_property(life.value.owner, "address", IntegerAttr(life.address, i64))
    _place_states(func, shared)
    addresses = {life.value: life.address for life in ports}
    arguments = IntsAttr(tuple(addresses[a] for a in func.args))
    set_attribute(func, "lpu_mem.arguments", arguments)
    return end


def _address(life: Life) -> IntegerAttr[I64] | None:
    """The address that a buffer has already."""
    assert isinstance(life.value.owner, AllocOp)
    return life.value.owner.address


def _place_states(func: FuncOp, shared: Shared) -> None:
    for op in func.body.block.ops:
        if isinstance(op, StateOp):
            set_property(op, "address", IntegerAttr(shared.states[op.state.data][0], i64))


def _ports(func: FuncOp) -> list[Life]:
    """Buffers of inputs and outputs, each once."""
    values: dict[SSAValue, None] = dict.fromkeys(func.args)
    last = func.body.block.last_op
    if isinstance(last, ReturnOp):
        values.update(dict.fromkeys(last.operands))
    return [Life(value, 0, 0) for value in values]


def _check_hbm(functions: Sequence[FuncOp], shared: Shared, end: int, target: Target) -> None:
    """Refuse what does not fit the memory, and say what would."""
    over = end - target.hbm_bytes
    if over <= 0:
        return
    cache, activations = shared.states_end - shared.arena, end - shared.states_end
    error = Overfull(
        f"weights ({shared.params_size} bytes), cache ({cache}) and activations "
        f"({activations}) need {end} bytes of HBM, {over} more than '{target.name}' has",
        node=_largest(functions) if 2 * activations > end else None,
        hint="a lower --precision or a target with more HBM helps, too",
    )
    if shared.params_size < target.hbm_bytes:
        room, need = target.hbm_bytes - shared.arena, end - shared.arena
        fitting = _fitting(functions, room, need) if cache else 0
        context = f"--max-context {fitting} fits" if fitting else "choose a smaller --max-context"
        error.hint = f"{context}; {error.hint}"
    error.divisible, error.activations = shared.states_end, activations
    error.room = target.hbm_bytes
    raise error


def _largest(functions: Sequence[FuncOp]) -> str | None:
    """The node whose result takes the most bytes."""
    made = [op for func in functions for op in func.walk() if isinstance(op, AllocOp)]
    largest = max(made, key=lambda op: buffer_of(op.result).nbytes, default=None)
    names = () if largest is None else node_names(largest)
    return names[0] if names else None


def _fitting(functions: Sequence[FuncOp], room: int, need: int) -> int:
    """
    About the longest context of which cache and activations fit into `room`; 0 if there is none.

    Buffers of fewer elements than the context take what they take, all others, together `need`
    bytes, grow with it.
    """
    bound = max(map(_bound, functions))
    buffers = (
        buffer_of(op.result) for f in functions for op in f.walk() if isinstance(op, AllocOp)
    )
    fixed = sum(b.nbytes for b in buffers if b.space == "hbm" and b.elements < bound)
    left = room - fixed
    return max(0, bound * (left - left // 64) // need)


def _bound(func: FuncOp) -> int:
    """The longest cache that a function takes, in tokens; 0 where it has none."""
    ranges = symbol_ranges(func)
    ports = (port.data for op in func.walk() if isinstance(op, StateOp) for port in op.inputs)
    pasts = [name for port in ports for dim in port.dims for name, _ in dim.terms]
    return max((ranges[name][1] for name in pasts if name in ranges), default=0)


def _place_tiles(lives: Sequence[Life], start: int, target: Target) -> None:
    room = spill_base(target)
    if place_apart(lives, ALIGNMENT, start, room) or place(lives, WORD, start) <= room:
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


class LpuMemAllocatePass(RewritingPass):
    """Choose the address of every buffer in HBM and LMU."""

    name = "lpu-mem-allocate"
    specification = Specification(
        level="lpu_mem",
        needs={"tiles": "tiling makes the buffers that fit on the chip"},
        gives=("addresses",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        functions = [func for func in module.ops if isinstance(func, FuncOp)]
        if functions:
            allocate(functions, target_of(module))
