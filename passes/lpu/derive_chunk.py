"""
Let `prompt_chunk` take token ids and nothing else, fill the cache and give nothing.

```mlir
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<
                  ["input_ids" ids i64, "past" in state]
                  -> ["logits" data f32, "present" in state]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]>
      outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %e = lpu.fill "0000803f" : !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  func.return %e : !lpu.tensor<[1, 9], f32>
}
func.func @prompt_chunk(
    %ids : !lpu.tensor<[1, 4], i64>, %positions : !lpu.tensor<[1, 4], i64>)
    -> !lpu.tensor<[4, 9], f32>
    attributes {lpu.interface = #lpu.interface<
                  ["input_ids" ids i64, "position_ids" positions i64, "past" in state]
                  -> ["logits" data f32, "present" in state]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 4]>} {
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]>
      outputs <["present" past f32 [P + 4, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %p = lpu.cast %positions : !lpu.tensor<[1, 4], i64> -> !lpu.tensor<[1, 4], f32>
  %r = lpu.reshape %p : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[4, 1], f32>
  %e = lpu.broadcast %r : !lpu.tensor<[4, 1], f32> -> !lpu.tensor<[4, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[4, 9], f32>
  func.return %e : !lpu.tensor<[4, 9], f32>
}
```
becomes
```mlir
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<
                  ["input_ids" ids i64, "past" in state]
                  -> ["logits" data f32, "present" in state]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]>
      outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %e = lpu.fill "0000803f" : !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  func.return %e : !lpu.tensor<[1, 9], f32>
}
func.func @prompt_chunk(%ids : !lpu.tensor<[1, 4], i64>)
    attributes {lpu.interface = #lpu.interface<["input_ids" ids i64] -> []>,
                lpu.symbols = #lpu.symbols<[P in 0 to 4]>} {
  %i = lpu.iota <[P, 1]> : !lpu.tensor<[4], i64>
  %positions = lpu.reshape %i : !lpu.tensor<[4], i64> -> !lpu.tensor<[1, 4], i64>
  %c = lpu.state "cache.0" inputs <[]> outputs <[]> : !lpu.state<[8, 9], f32>
  %p = lpu.cast %positions : !lpu.tensor<[1, 4], i64> -> !lpu.tensor<[1, 4], f32>
  %r = lpu.reshape %p : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[4, 1], f32>
  %e = lpu.broadcast %r : !lpu.tensor<[4, 1], f32> -> !lpu.tensor<[4, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[4, 9], f32>
  func.return
}
```

1. The cache is the one that `step` has: states are matched by their ports and get the same names.
   Tokens go behind the P that it holds, which the host says by value.
2. A mask is ones, positions count up from P; what only the logits need is left to the passes that
   remove what is dead.

3. Each token is taken as a step would take it: that is shown by `passes.lpu.causal`, operation by
   operation, from masks and positions that are known by now.

**Leaves** `step` as it is, but for `lpu.no_chunk`, which says why `prompt_chunk` is gone: `step` is
no decoder of one token, the two functions do not have the same states, or a token may see others
than a step shows it, such as those behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument

from dialects.affine import Affine
from dialects.errors import node_names
from dialects.lpu.control import StateOp
from dialects.lpu.interface import Interface, Value, interface_of
from dialects.lpu.ports import StatePort, StatePortsAttr
from dialects.lpu.tensors import tensor_of
from dialects.names import escape, unescape
from dialects.reading import operations
from passes.analysis.functions import functions, model_folder
from passes.lpu.causal.check import check_causal
from passes.lpu.causal.names import NotShown, Numbers
from passes.lpu.generation.decoder import IDS, MASK, Decoder, NoDecoder
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.kernel import (
    drop_arguments,
    erase,
    replace,
    set_attribute,
    set_operands,
    set_property,
)
from passes.rewriting.signature import declare, terminator_of
from passes.specification import EXACT, Specification
from runtime.program.interface_json import CHUNK, STEP

NONE = StatePortsAttr(())


def states_of(func: FuncOp) -> Iterator[StateOp]:
    """The states of a function."""
    return (op for op in operations(func.body.block) if isinstance(op, StateOp))


def _held(op: StateOp, count: int, past: str) -> object:
    """What a state is: its type, and what of it is the cache before and behind `count` tokens."""
    after = {past: Affine.symbol(past) - count}
    ends = [_placed(p, tuple(d.substitute(after) for d in p.dims)) for p in op.outputs.data]
    return op.result.type, [_placed(port, port.dims) for port in op.inputs.data], ends


def _placed(port: StatePort, dims: tuple[Affine, ...]) -> object:
    return port.name, port.role, port.dtype, port.offsets, dims


def share_states(chunk: FuncOp, decoder: Decoder, count: int) -> None:
    """Let the states of a function be those of `step`; `NoDecoder` if they are others."""
    step = list(states_of(decoder.function))
    for own in list(states_of(chunk)):
        held = _held(own, count, decoder.past)
        same = [op for op in step if _held(op, 1, decoder.past) == held]
        if len(same) != 1:
            raise NoDecoder("its layers do not keep their cache as those of a step do")
        step.remove(same[0])
        set_property(own, "state", same[0].state)
        set_property(own, "inputs", NONE)
        set_property(own, "outputs", NONE)
    if step:
        raise NoDecoder("a step keeps more than it does")


def _given(value: BlockArgument, role: str, past: Affine) -> None:
    """Let readers of an input read what it is in every chunk."""
    build, tensor = Build.behind(value), tensor_of(value)
    if role == MASK:
        replace(value, build.fill(1, tensor.shape, tensor.dtype))
    elif role != IDS:
        count = build.iota(past, (1,), (tensor.shape[-1],))
        replace(value, build.cast(build.reshape(count, tensor.shape), tensor.dtype))


def narrow(chunk: FuncOp, decoder: Decoder) -> None:
    """Take ids, give nothing, and keep the cache where `step` has it."""
    interface = interface_of(chunk)
    (ids,) = (port for port in interface.arguments if port.role == IDS)
    count = tensor_of(chunk.args[interface.arguments.index(ids)]).shape[-1]
    share_states(chunk, decoder, count.const)
    for value, role in zip(chunk.args, interface.roles, strict=True):
        _given(value, role, Affine.symbol(decoder.past))
    set_operands(terminator_of(chunk), ())
    others = zip(chunk.args, interface.roles, strict=True)
    drop_arguments(chunk.body.block, [value for value, role in others if role != IDS])
    declare(chunk, Interface((Value(ids.name, ids.role, ids.dtype),), ()))


def check(chunk: FuncOp, decoder: Decoder, folder: Path) -> None:
    """Raise `NoDecoder` unless it is shown that each token is taken as a step would take it."""
    (ids,) = chunk.args
    numbers = Numbers.of(decoder.function, decoder.past, tensor_of(ids).shape[-1].const)
    try:
        check_causal(chunk, ids, decoder.past, folder, numbers)
    except NotShown as reason:
        names = [] if reason.op is None else [unescape(name) for name in node_names(reason.op)]
        where = f"'{names[0]}'" if names else "it"
        raise NoDecoder(f"{where} may take tokens of a prompt otherwise than one by one") from None


class LpuDeriveChunkPass(RewritingPass):
    """Make of `prompt_chunk` what fills the cache of `step` with many tokens."""

    name = "lpu-derive-chunk"
    specification = Specification(
        level="lpu",
        after={
            "chunks": "there is nothing to take prompts otherwise",
            "loops": "the states of layers are one",
        },
        gives=("prompts",),
        spoils=("live",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        found = {function.sym_name.data: function for function in functions(module)}
        if STEP not in found or CHUNK not in found or not found[CHUNK].args:
            return
        step, chunk = found[STEP], found[CHUNK]
        if not interface_of(chunk).results:
            return
        try:
            decoder = Decoder.of(step)
            narrow(chunk, decoder)
            check(chunk, decoder, model_folder(module))
        except NoDecoder as reason:
            erase(chunk)
            set_attribute(step, "lpu.no_chunk", StringAttr(escape(str(reason))))
