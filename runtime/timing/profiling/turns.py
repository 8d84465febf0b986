"""Which turn of a loop over layers an instruction is executed in, and which nodes it is then.

A rolled body stands for all layers: each of its instructions comes from as many nodes of every role
as there are turns, role by role. A loop of `n` turns is one over layers if that is so of everything
in it that comes from nodes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runtime.isa.encoding import word_addresses
from runtime.isa.instructions.ctrl import Loop
from runtime.program.program import Program

Nodes = tuple[str, ...]


@dataclass(frozen=True)
class Body:
    """A loop, which ends at word `end` and goes on at word `begin`."""

    begin: int
    end: int


def bodies(program: Program) -> Mapping[int, Body]:
    """The loops of a program by their last word."""
    code = program.code
    placed = zip(word_addresses(code), code, strict=True)
    return {pc: Body(inst.target, pc) for pc, inst in placed if isinstance(inst, Loop)}


class Turns:
    """Counts the turns of loops while instructions go by: `at` is called with each pc in order."""

    def __init__(self, program: Program) -> None:
        self.loops = bodies(program)
        self.count = dict.fromkeys(self.loops, 0)
        self.most = dict.fromkeys(self.loops, 1)
        self.around = _around(program, self.loops)
        self._last: int | None = None

    def at(self, pc: int) -> tuple[int, ...]:
        """The turns of the loops around a pc, the outermost first."""
        last = self._last
        if last is not None:
            again = pc == self.loops[last].begin
            self.count[last] = self.count[last] + 1 if again else 0
            self.most[last] = max(self.most[last], self.count[last] + 1)
        self._last = pc if pc in self.loops else None
        return tuple(self.count[loop] for loop in self.around.get(pc, ()))


def _around(program: Program, loops: Mapping[int, Body]) -> dict[int, tuple[int, ...]]:
    """The loops around each pc, by their last word, the outermost first."""
    ordered = sorted(loops.values(), key=lambda body: body.begin - body.end)
    found = {
        pc: tuple(b.end for b in ordered if b.begin <= pc <= b.end)
        for pc in word_addresses(program.code)
    }
    return {pc: around for pc, around in found.items() if around}


class Layers:
    """The nodes of instructions, those of a rolled loop by its turn.

    `most` are the turns that loops made, and `around` the loops around each pc, as `Turns` has it.
    """

    def __init__(self, program: Program, turns: Turns) -> None:
        self.provenance = program.provenance
        self.around = turns.around
        self.most = turns.most
        named = {pc: program.provenance.nodes_at(pc) for pc in word_addresses(program.code)}
        self.layers = {
            end: self.most[end] for end, body in turns.loops.items()
            if self.most[end] > 1 and _is_rolled(body, self.most[end], named)
        }  # fmt: skip
        self._known: dict[tuple[int, int], Nodes] = {}

    def nodes(self, pc: int, turns: Sequence[int]) -> Nodes:
        """The nodes that one execution of an instruction belongs to."""
        for loop, turn in zip(self.around.get(pc, ()), turns, strict=True):
            if loop in self.layers:
                return self._of_turn(pc, turn, self.layers[loop])
        return self._of_turn(pc, 0, 1)

    def _of_turn(self, pc: int, turn: int, layers: int) -> Nodes:
        known = self._known.get((pc, turn))
        if known is None:
            known = self._known[pc, turn] = self.provenance.nodes_at(pc)[turn::layers]
        return known


def _is_rolled(body: Body, turns: int, named: Mapping[int, Nodes]) -> bool:
    counts = {len(nodes) for pc, nodes in named.items() if body.begin <= pc <= body.end and nodes}
    return bool(counts) and all(count % turns == 0 for count in counts)
