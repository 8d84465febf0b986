"""How code runs on: loops, where ways meet, and what stands in between."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from runtime.isa.instructions.ctrl import Bge, Halt, Jump, Lds, Li, Loop, Out, Sts
from runtime.isa.spec import Inst
from runtime.ring.checks.compile.layers.repeats import Place, runs_of
from runtime.ring.checks.compile.opcodes import Opcodes, found_at, opcodes_of, places_of
from runtime.ring.checks.compile.values import COMPUTE, HIGHEST, Registers, Value
from runtime.ring.checks.compile.words import Word, words_of

SETTING = (*COMPUTE, Lds, Loop)
"""Instructions that write a register."""
CONTROL = (Bge, Halt, Jump, Lds, Loop, Out, Sts)
"""Instructions that do not compute, and are on no data."""
_result: Callable[[Inst], int] = attrgetter("rd")


@dataclass(frozen=True)
class Flow:
    """Code, its instructions by pc, tails of loops by heads, outermost first, and what repeats.

    `words` are those of the code. Between `stops` nothing computes or is on data alone, and nothing
    leads or arrives elsewhere. `setting` are the instructions that write a register.
    """

    code: Sequence[Inst]
    opcodes: Opcodes
    words: Sequence[Word]
    index: dict[int, int]
    loops: dict[int, list[int]]
    stops: Sequence[int]
    setting: Sequence[int]
    runs: dict[int, Place]
    _written: dict[tuple[int, int], tuple[set[int], set[int]]] = field(default_factory=dict)

    def controls(self, head: int, tail: int) -> Iterator[Inst]:
        """The instructions of a loop's body that do not compute, and are on no data."""
        first, end = bisect_left(self.stops, head), bisect_right(self.stops, tail)
        return (self.code[at] for at in self.stops[first:end])

    def writer(self, register: int, head: int, tail: int) -> Inst | None:
        """The last instruction of a loop's body that writes a register."""
        first, end = bisect_left(self.setting, head), bisect_right(self.setting, tail)
        body = (self.code[at] for at in reversed(self.setting[first:end]))
        return next((inst for inst in body if _result(inst) == register), None)

    def loading(self, head: int, tail: int, address: int) -> int:
        """The first instruction of a loop's body that loads a scalar."""
        body = enumerate(self.code[head:tail], head)
        return next(at for at, i in body if isinstance(i, Lds) and i.address == address)

    def bound(self, tail: int, registers: Registers, kept: Mapping[int, Value]) -> Value:
        """The bound of a loop that begins; a body that writes its register loads it again."""
        loop = self.code[tail]
        assert isinstance(loop, Loop)
        match self.writer(loop.rb, self.index[loop.target], tail):
            case None:
                return registers[loop.rb]
            case Li() as maker:
                return maker.value
            case Lds() as maker:
                return kept.get(maker.address, HIGHEST)
            case _:
                return HIGHEST

    def turns(self, tail: int, registers: Registers, kept: Mapping[int, Value]) -> range | None:
        """The numbers of a counter in the turns of a loop that begins, if they are known."""
        loop, bound = self.code[tail], self.bound(tail, registers, kept)
        assert isinstance(loop, Loop)
        start = registers[loop.rd]
        if not isinstance(start, int) or not isinstance(bound, int):
            return None
        return range(start, max(start + 1, bound), loop.step)

    def written(self, head: int, tail: int) -> tuple[set[int], set[int]]:
        """The registers that a loop's body writes, and the addresses at which it keeps scalars."""
        found = self._written.get((head, tail))
        if found is None:
            found = self._written[head, tail] = self._writes(head, tail)
        return found

    def _writes(self, head: int, tail: int) -> tuple[set[int], set[int]]:
        first, end = bisect_left(self.setting, head), bisect_right(self.setting, tail)
        registers = {_result(self.code[at]) for at in self.setting[first:end]}
        kept = {inst.address for inst in self.controls(head, tail) if isinstance(inst, Sts)}
        return registers, kept


def flow_of(code: Sequence[Inst], starts: Sequence[int]) -> Flow:
    """That of valid code whose entries begin at some pcs."""
    opcodes, loops = opcodes_of(code), dict[int, list[int]]()
    controls, pcs = places_of(opcodes, CONTROL), set(starts)
    pcs |= {inst.target for at in controls if isinstance(inst := code[at], Loop | Bge | Jump)}
    index = {pc: at for pc, at in zip(pcs, found_at(opcodes, pcs), strict=True)}
    for at in controls:
        inst = code[at]
        if isinstance(inst, Loop):
            loops.setdefault(index[inst.target], []).insert(0, at)
    joints = set(index.values())
    return Flow(
        code, opcodes, words_of(code), index, loops, sorted(joints.union(controls)),
        places_of(opcodes, SETTING), runs_of(opcodes, joints),
    )  # fmt: skip
