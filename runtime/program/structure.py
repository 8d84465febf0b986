"""The control flow of a program, proved to be made of loops that nest and branches that go forward.

    structure = structure_of(code)          # Invalid when it is not
    structure.loops[3]                      # the loops that begin at instruction 3, outermost first

Every way back is a `loop` with a positive step, whose body changes neither counter nor bound. Where
registers are few the body may use theirs, if it loads right before the `loop` what they were: a
bound that is a constant or was kept in the LMU (`sts`) before the loop, a counter that the first
instruction of the body keeps there. `bge` and `jump` go forward, never into a loop, and out of one
only to the instruction behind it. The last instruction is `halt`. So every run from outside of the
loops ends, and one walk over the code, from top to bottom, meets whatever can happen
(`runtime.program.bounds`).

Instructions are counted 0, 1, 2, ... here, and not by their words. A `Place` is a register, or an
address of the LMU that some `sts` writes: behind the registers, in the order of the code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from runtime.errors import Invalid
from runtime.isa.encoding import word_addresses
from runtime.isa.instructions.ctrl import Bge, Halt, Jump, Lds, Li, Loop, Sts
from runtime.isa.spec import CtrlInst, Inst

REGISTERS = 256
"""As many as the words of a program can name."""
Place = int


@dataclass(eq=False)
class Counted:
    """A loop from instruction `head` to its `loop`, `tail`, within `parent`.

    `written` are the places that the body writes, as bits, without the address at which its first
    instruction keeps something, `kept`. `reload` is the instruction by which it loads the bound
    again, None where the register holds it; `is_kept` says that it loads the counter again.
    """

    head: int
    tail: int
    loop: Loop
    parent: "Counted | None" = None
    written: int = 0
    kept: Place | None = None
    is_kept: bool = False
    reload: Inst | None = None


@dataclass(eq=False)
class Structure:
    """Code whose control flow is structured. `goals` are the targets of `bge` and `jump`.

    `registers` is how many there are at least.
    """

    code: Sequence[Inst]
    addresses: list[int]
    index: dict[int, int]
    slots: dict[int, Place]
    registers: int = REGISTERS
    loops: dict[int, list[Counted]] = field(default_factory=dict[int, list[Counted]])
    goals: dict[int, int] = field(default_factory=dict[int, int])
    within: list[Counted | None] = field(default_factory=list["Counted | None"])

    def name(self, at: int) -> str:
        """An instruction for a message."""
        return f"{self.code[at].MNEMONIC} at pc {self.addresses[at]}"


def structure_of(code: Sequence[Inst], registers: int = REGISTERS) -> Structure:
    """The structure of code that uses no more registers; Invalid with what breaks a rule."""
    addresses = word_addresses(code)
    index = {pc: at for at, pc in enumerate(addresses)}
    kept = dict.fromkeys(inst.address for inst in code if isinstance(inst, Sts))
    slots = {address: registers + at for at, address in enumerate(kept)}
    found = Structure(code, addresses, index, slots, registers)
    if not code or not isinstance(code[-1], Halt):
        raise Invalid("the last instruction is not halt")
    _find_branches(found)
    inside = _nest(found)
    _check_branches(found, inside)
    _check_bodies(found)
    return found


def _find_branches(found: Structure) -> None:
    """The loops by their heads, and where all other branches go."""
    for at, inst in enumerate(found.code):
        if not isinstance(inst, Loop | Bge | Jump):
            continue
        goal = found.index.get(inst.target)
        if goal is None:
            raise Invalid(f"{found.name(at)} branches to {inst.target}, where no instruction is")
        if isinstance(inst, Loop):
            if goal > at:
                raise Invalid(f"{found.name(at)} goes forward, a loop goes back to its head")
            if inst.step <= 0:
                raise Invalid(f"{found.name(at)} steps by {inst.step}, which is not positive")
            found.loops.setdefault(goal, []).append(Counted(goal, at, inst))
        elif goal <= at:
            raise Invalid(f"{found.name(at)} goes back to {inst.target}, only a loop may")
        else:
            found.goals[at] = goal


def _nest(found: Structure) -> list[Counted | None]:
    """The parents of loops, and for each instruction the loop that it is in and does not begin."""
    inside: list[Counted | None] = []
    loop: Counted | None = None
    for at in range(len(found.code)):
        inside.append(loop)
        starting = found.loops.get(at, [])
        starting.reverse()
        for inner in starting:
            if loop is not None and inner.tail > loop.tail:
                raise Invalid(
                    f"{found.name(inner.tail)} and {found.name(loop.tail)} end loops that "
                    "do not nest"
                )
            inner.parent, loop = loop, inner
        found.within.append(loop)
        if loop is not None and loop.tail == at:
            loop = loop.parent
    return inside


def _check_branches(found: Structure, inside: list[Counted | None]) -> None:
    for at, goal in found.goals.items():
        loop = found.within[at]
        if loop is not None and goal > loop.tail:
            if goal != loop.tail + 1:
                raise Invalid(
                    f"{found.name(at)} leaves a loop for {found.addresses[goal]}, which is not "
                    "right behind it"
                )
            loop = loop.parent
        if inside[goal] is not loop:
            raise Invalid(f"{found.name(at)} branches into a loop, to {found.addresses[goal]}")


def _check_bodies(found: Structure) -> None:
    """What bodies write, which is neither counter nor bound."""
    joints = {*found.goals.values(), *found.loops}
    block: dict[int, int] = {}
    for at, inst in enumerate(found.code):
        if at in joints:
            block.clear()
        if not isinstance(inst, CtrlInst):
            continue
        loop = found.within[at]
        if isinstance(inst, Loop) and loop is not None:
            _close(found, loop, block)
            loop = loop.parent
        if isinstance(inst, Loop | Bge | Jump | Halt):
            block.clear()
        for place in _written(found, inst):
            block[place] = at
            if loop is not None and at == loop.head and isinstance(inst, Sts):
                loop.kept = place
            elif loop is not None:
                loop.written |= 1 << place


def _written(found: Structure, inst: CtrlInst) -> tuple[Place, ...]:
    return (found.slots[inst.address],) if isinstance(inst, Sts) else inst.writes()


def _close(found: Structure, loop: Counted, block: dict[Place, int]) -> None:
    """The end of a body: what it wrote, and that its counter and its bound are what they were."""
    counter, bound = loop.loop.rd, loop.loop.rb
    reloads = {place: found.code[block[place]] for place in (counter, bound) if place in block}
    if loop.written >> counter & 1:
        loop.is_kept = _is_kept(found, loop, reloads.get(counter))
        if not loop.is_kept:
            raise Invalid(f"the body of {found.name(loop.tail)} writes its counter r{counter}")
    if loop.written >> bound & 1 or counter == bound:
        loop.reload = reloads.get(bound)
        if not _is_constant(found, loop) or counter == bound:
            raise Invalid(f"the body of {found.name(loop.tail)} writes its bound r{bound}")
    if loop.parent is not None:
        kept = 0 if loop.kept is None else 1 << loop.kept
        loop.parent.written |= loop.written | 1 << counter | kept


def _is_kept(found: Structure, loop: Counted, reload: Inst | None) -> bool:
    """Whether the body begins by keeping its counter, and ends by loading it from there."""
    first = found.code[loop.head]
    return (
        isinstance(first, Sts)
        and isinstance(reload, Lds)
        and first.ra == loop.loop.rd
        and first.address == reload.address
        and not loop.written >> found.slots[first.address] & 1
    )


def _is_constant(found: Structure, loop: Counted) -> bool:
    """Whether the body loads the same bound every time."""
    if isinstance(loop.reload, Lds):
        slot = found.slots.get(loop.reload.address)
        return slot is not None and slot != loop.kept and not loop.written >> slot & 1
    return isinstance(loop.reload, Li)
