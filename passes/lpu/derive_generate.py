"""
Clone `step` into `generate`: the loop over tokens and the choice of tokens on the device.

```mlir
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<
                  ["input_ids" ids i64, "past" in state]
                  -> ["logits" data f32, "present" in state]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]>
      outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0
      : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 9], f32> -> !lpu.tensor<[P + 1, 9], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 9], f32> -> !lpu.tensor<[1, 9], f32>
  func.return %l : !lpu.tensor<[1, 9], f32>
}
```
becomes, with `sampler=false`,
```mlir
func.func @step(%ids : !lpu.tensor<[1, 1], i64>) -> !lpu.tensor<[1, 9], f32>
    attributes {lpu.interface = #lpu.interface<
                  ["input_ids" ids i64, "past" in state]
                  -> ["logits" data f32, "present" in state]>,
                lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <["past" past f32 [P, 9] at [0, 0]]>
      outputs <["present" past f32 [P + 1, 9] at [0, 0]]> : !lpu.state<[8, 9], f32>
  %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
  %e = lpu.gather %w, %i axis 0
      : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
  lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
  %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 9], f32> -> !lpu.tensor<[P + 1, 9], f32>
  %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 9], f32> -> !lpu.tensor<[1, 9], f32>
  func.return %l : !lpu.tensor<[1, 9], f32>
}
func.func @generate(%stops : !lpu.tensor<[4], i64>, %sampler : !lpu.tensor<[3], f32>,
                    %sampler_ints : !lpu.tensor<[2], i64>)
    attributes {lpu.interface = #lpu.interface<
                  ["stops" stops i64, "sampler" sampler f32, "sampler_ints" sampler_ints i64,
                   "tokens" in state] -> []>,
                lpu.symbols = #lpu.symbols<[fed in 0 to 6, prompt in 1 to 8,
                                            sampled in 0 to 0, total in 1 to 9]>} {
  %w = lpu.constant <file("m.onnx", 0, [9, 9], f32)> : !lpu.tensor<[9, 9], f32>
  %c = lpu.state "cache.0" inputs <[]> outputs <[]> : !lpu.state<[8, 9], f32>
  %tokens = lpu.state "tokens" inputs <["tokens" tokens i64 [prompt] at [0]]> outputs <[]>
      : !lpu.state<[9], i64>
  lpu.for "P_prompt" from <fed> to <prompt + -1> () {
    %t = lpu.read %tokens at <[P_prompt]> : !lpu.state<[9], i64> -> !lpu.tensor<[1], i64>
    %ids = lpu.reshape %t : !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 1], i64>
    %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
    %e = lpu.gather %w, %i axis 0
        : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
    lpu.write %c, %e at <[P_prompt, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
    lpu.yield
  }
  lpu.for "P" from <prompt + -1> to <total + -1> () {
    %t = lpu.read %tokens at <[P]> : !lpu.state<[9], i64> -> !lpu.tensor<[1], i64>
    %ids = lpu.reshape %t : !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 1], i64>
    %i = lpu.reshape %ids : !lpu.tensor<[1, 1], i64> -> !lpu.tensor<[1], i64>
    %e = lpu.gather %w, %i axis 0
        : !lpu.tensor<[9, 9], f32>, !lpu.tensor<[1], i64> -> !lpu.tensor<[1, 9], f32>
    lpu.write %c, %e at <[P, 0]> : !lpu.state<[8, 9], f32>, !lpu.tensor<[1, 9], f32>
    %k = lpu.read %c at <[0, 0]> : !lpu.state<[8, 9], f32> -> !lpu.tensor<[P + 1, 9], f32>
    %l = lpu.reduce "sum" %k over <[0]> : !lpu.tensor<[P + 1, 9], f32> -> !lpu.tensor<[1, 9], f32>
    %logits = lpu.reshape %l : !lpu.tensor<[1, 9], f32> -> !lpu.tensor<[9], f32>
    %greatest, %first = lpu.topk %logits largest 1
        : !lpu.tensor<[9], f32> -> !lpu.tensor<[1], f32>, !lpu.tensor<[1], i64>
    %none = lpu.fill "feffffffffffffff" : !lpu.tensor<[1], i64>
    %isnan = lpu.map "isnan" %greatest : !lpu.tensor<[1], f32> -> !lpu.tensor<[1], bool>
    %token = lpu.select %isnan, %none, %first : !lpu.tensor<[1], bool>, !lpu.tensor<[1], i64>,
        !lpu.tensor<[1], i64> -> !lpu.tensor<[1], i64>
    lpu.write %tokens, %token at <[P + 1]> : !lpu.state<[9], i64>, !lpu.tensor<[1], i64>
    %is = lpu.map "eq" %stops, %token
        : !lpu.tensor<[4], i64>, !lpu.tensor<[1], i64> -> !lpu.tensor<[4], bool>
    %counts = lpu.cast %is : !lpu.tensor<[4], bool> -> !lpu.tensor<[4], i64>
    %stop = lpu.reduce "max" %counts over <[0]> : !lpu.tensor<[4], i64> -> !lpu.tensor<[1], i64>
    lpu.emit %token, %stop : !lpu.tensor<[1], i64>, !lpu.tensor<[1], i64>
    lpu.yield
  }
  func.return
}
```

1. The host writes the prompt into the state `tokens`. The first loop takes all of it behind the
   `fed` tokens that the cache holds, but for the last one, and does no more than fill the cache;
   the second goes on from the last one and chooses. `fed` is bounded by what the first turn of the
   loop may find, which is less than what all its turns leave.
2. The ids are read from `tokens`, a mask is ones, positions count up: constant folding makes the
   rest of it. What depends on neither stays outside of the loops.
3. `sampled`, 0 or 1, is the number of turns of a loop around the draw (`passes.lpu.sampling`), so
   that greedy choices cost nothing. Where the LMU cannot rank the logits there is no such loop,
   and `sampled` is 0.
4. A stop ends the loop and is not handed out; unused stops are -1. Of logits that hold NaN the
   choice is -2, which the host refuses.

5. What is none of the text, as what an encoder has read, is an input of the loop, too, the same in
   every turn.

**Leaves** `step` as it is, but for `lpu.no_generate`, which says why there is no token loop: an
input that grows and has no role, a cache that is not resident, a batch, several tokens a step.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp

from dialects.lpu_mem.target import spill_base, target_of
from dialects.names import escape
from passes.analysis.functions import DEFAULT_CONTEXT, functions, given_context
from passes.lpu.generation.decoder import Decoder, NoDecoder
from passes.lpu.generation.function import generate_function
from passes.lpu.sampling.choice import GREATEST_BYTES, RANKED_BYTES
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import append, set_attribute
from passes.specification import EXACT, Specification


def derive(step: FuncOp, context: int, lmu_bytes: int, has_sampler: bool) -> FuncOp:
    """The function `generate`; raises `NoDecoder`."""
    decoder = Decoder.of(step, context)
    need = decoder.vocabulary * GREATEST_BYTES
    if need > lmu_bytes:
        raise NoDecoder(f"{decoder.vocabulary} logits take {need} bytes of LMU, of {lmu_bytes}")
    fits = decoder.vocabulary * RANKED_BYTES <= lmu_bytes
    return generate_function(decoder, has_sampler and fits)


@dataclass(frozen=True)
class LpuDeriveGeneratePass(RewritingPass):
    """Make the token loop of a decoder a second function; without `sampler` it is greedy."""

    name = "lpu-derive-generate"
    specification = Specification(
        level="lpu",
        after={"loops": "the token loop has two copies of the layers"},
        gives=("entries",),
        spoils=("distinct",),
        numbers=EXACT,
    )
    sampler: bool = True

    def rewrite(self, module: ModuleOp) -> None:
        found = {function.sym_name.data: function for function in functions(module)}
        if "step" not in found or "generate" in found:
            return
        step, context = found["step"], given_context(module) or DEFAULT_CONTEXT
        lmu_bytes = spill_base(target_of(module))
        try:
            append(derive(step, context, lmu_bytes, self.sampler), module.body.block)
        except NoDecoder as reason:
            set_attribute(step, "lpu.no_generate", StringAttr(escape(str(reason))))
