"""
Roll layers that repeat into a loop, found by structure alone.

```mlir
func.func @step(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> {
  %a = lpu.constant <file("w", 0, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %b = lpu.constant <file("w", 64, [4, 4], f32)> : !lpu.tensor<[4, 4], f32>
  %0 = lpu.matmul %x, %a
      : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %1 = lpu.map "add" %x, %0
      : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %2 = lpu.matmul %1, %b
      : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
  %3 = lpu.map "add" %1, %2
      : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
  func.return %3 : !lpu.tensor<[1, 4], f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> {
  %w = lpu.constant <stack([file("w", 0, [4, 4], f32), file("w", 64, [4, 4], f32)])>
      : !lpu.tensor<[2, 4, 4], f32>
  %y = lpu.for "l" to <2> (%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f32> {
  ^bb0(%0 : !lpu.tensor<[1, 4], f32>):
    %1 = lpu.slice %w at <[l, 0, 0]> step <[1, 1, 1]>
        : !lpu.tensor<[2, 4, 4], f32> -> !lpu.tensor<[1, 4, 4], f32>
    %2 = lpu.reshape %1 : !lpu.tensor<[1, 4, 4], f32> -> !lpu.tensor<[4, 4], f32>
    %3 = lpu.matmul %0, %2
        : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[1, 4], f32>
    %4 = lpu.map "add" %0, %3
        : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f32>
    lpu.yield %4 : !lpu.tensor<[1, 4], f32>
  }
  func.return %y : !lpu.tensor<[1, 4], f32>
}
```

1. The way from the token ids to the logits is cut wherever everything hangs on one value
   (`rolling.segments`); what repeats in a row is a candidate (`rolling.repeats`).
2. Turns are compared operand by operand (`rolling.turns`). What differs is stacked, or put into a
   table of what differs (`rolling.columns`); what does not is read where it is.
3. States of the layers become one state with the layer as its first axis. Other values of a layer
   that are needed outside come out of the loop stacked.
4. If nothing repeats, the value that is needed longest counts as known to all layers, and again.
5. What is left is searched again: models may have several loops.

Layers that do not repeat stay as they are. Why there is no loop is in `lpu.not_rolled`.
"""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from dialects.lpu.control import StateOp
from dialects.names import escape
from dialects.reading import operations
from passes.analysis.functions import functions, symbol_ranges
from passes.lpu.rolling.columns import Columns, NotRolled
from passes.lpu.rolling.graph import Kinds, build_graph
from passes.lpu.rolling.loop import Loop
from passes.lpu.rolling.repeats import repeats
from passes.lpu.rolling.segments import Writer, cuts, last_uses, longest_lived
from passes.lpu.rolling.turns import Turns, turns_of
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import set_attribute, set_property
from passes.rewriting.remarks import ROLLING
from passes.specification import EXACT, Specification

MAX_INVARIANTS = 3
"""How many values that all layers read from afar are set aside to find the layers."""


def find(func: FuncOp) -> Turns:
    """The layers of a function; `NotRolled` if there are none, or why they are not alike."""
    graph = build_graph(func)
    if graph is None:
        raise NotRolled("no result depends on the inputs")
    needs_state = any(isinstance(op, StateOp) for op in graph.ops)
    invariants: set[SSAValue] = set()
    reason = "no part of the model that holds a product repeats"
    while True:
        last = last_uses(graph, invariants)
        kinds = Kinds()
        segments = Writer(graph, invariants, kinds).segments(cuts(graph, last))
        for repeat in repeats(segments, needs_state):
            try:
                return turns_of(graph, segments, repeat, Columns(kinds))
            except NotRolled as error:
                reason = str(error)
                ROLLING.no(graph.ops[0], "{}", reason)
        longest = longest_lived(graph, last)
        if longest is None or len(invariants) == MAX_INVARIANTS:
            raise NotRolled(reason)
        ROLLING.yes(longest, "counts as known to all layers")
        invariants.add(longest)


def free_name(func: FuncOp) -> str:
    """A name for a loop variable that nothing else has."""
    taken, number = symbol_ranges(func), 1
    name = "l"
    while name in taken:
        name, number = f"l{number}", number + 1
    return name


def roll(func: FuncOp) -> None:
    """Roll all layers of a function, one loop after the other."""
    rolled = 0
    while True:
        try:
            turns = find(func)
        except NotRolled as error:
            ROLLING.no(func, "{} loops, and no more: {}", rolled, error)
            if not rolled:
                set_attribute(func, "lpu.not_rolled", StringAttr(escape(str(error))))
            break
        first = turns.column(0)[0]
        ROLLING.yes(first, "{} layers of {} operations", turns.count, len(turns.nodes[0]))
        Loop(turns, free_name(func)).build()
        rolled += 1
    if rolled:
        number_states(func)


def number_states(func: FuncOp) -> None:
    """Number the states in the order of the program."""
    states = [op for op in operations(func.body.block) if isinstance(op, StateOp)]
    for number, state in enumerate(states):
        set_property(state, "state", StringAttr(f"cache.{number}"))


class LpuRollLayersPass(RewritingPass):
    """Repeated layers become a loop."""

    name = "lpu-roll-layers"
    specification = Specification(
        level="lpu",
        after={
            "distinct": "layers read one value, not one equal for each",
            "states": "a layer reads and writes its own part of a state",
        },
        gives=("loops",),
        spoils=("distinct", "live"),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        for func in functions(module):
            roll(func)
