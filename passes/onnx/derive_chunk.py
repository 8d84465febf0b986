"""
Clone `step` into `prompt_chunk`, which takes the tokens of a prompt many at a time.

```mlir
builtin.module attributes {lpu.options = {prompt_chunk = 16 : i64}} {
  func.func @step(
      %ids : !lpu.tensor<[batch, seq], i64>, %past : !lpu.tensor<[batch, 4, past, 16], f32>)
      -> !lpu.tensor<*, f32>
      attributes {lpu.interface = #lpu.interface<
                    ["input_ids" data i64, "past" data f32] -> ["present" data f32]>} {
    %0 = onnx.Identity(%past) {since_version = 16 : i64}
        : (!lpu.tensor<[batch, 4, past, 16], f32>) -> !lpu.tensor<*, f32>
    func.return %0 : !lpu.tensor<*, f32>
  }
}
```
becomes
```mlir
builtin.module attributes {lpu.options = {prompt_chunk = 16 : i64}} {
  func.func @step(
      %ids : !lpu.tensor<[batch, seq], i64>, %past : !lpu.tensor<[batch, 4, past, 16], f32>)
      -> !lpu.tensor<*, f32>
      attributes {lpu.interface = #lpu.interface<
                    ["input_ids" data i64, "past" data f32] -> ["present" data f32]>} {
    %0 = onnx.Identity(%past) {since_version = 16 : i64}
        : (!lpu.tensor<[batch, 4, past, 16], f32>) -> !lpu.tensor<*, f32>
    func.return %0 : !lpu.tensor<*, f32>
  }
  func.func @prompt_chunk(
      %ids : !lpu.tensor<[batch, 16], i64>, %past : !lpu.tensor<[batch, 4, past, 16], f32>)
      -> !lpu.tensor<*, f32>
      attributes {lpu.interface = #lpu.interface<
                    ["input_ids" data i64, "past" data f32] -> ["present" data f32]>} {
    %0 = onnx.Identity(%past) {since_version = 16 : i64}
        : (!lpu.tensor<[batch, 4, past, 16], f32>) -> !lpu.tensor<*, f32>
    func.return %0 : !lpu.tensor<*, f32>
  }
}
```

All that differs is how many tokens there are, which `onnx-bind-roles` carries on to other inputs.
The number is `prompt_chunk` of `lpu.options`, 64 if nothing is said, or the largest power of two
below it for which

1. the cache has room for as many tokens;
2. so many rows of the widest product, before and behind it in f32, take three quarters of the LMU
   at most: the rest is for tiles. Products that only the logits need do not count.

**Leaves alone** what takes no token ids and caches, and decoders for which one row is all that
fits or is asked for, in which the number of tokens is fixed, or whose activations are quantised
with one scale for all tokens: `lpu.no_chunk` says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument

from dialects.affine import Affine
from dialects.lpu.interface import interface_of
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import Tensor, tensor_type
from dialects.lpu_mem.target import target_of
from dialects.names import escape
from dialects.onnx.ops import OnnxOp
from dialects.reading import operations
from passes.analysis.functions import functions, options, step_function
from passes.onnx.roles.binding import ALIASES, symbol_of
from passes.onnx.roles.given import given_roles, given_shape, max_context, original_names
from passes.onnx.roles.inputs import RECURRENT, roles_of, token_axis
from passes.onnx.roles.widths import widest_row
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import append, copied, retype, set_attribute, set_property
from passes.rewriting.signature import sign
from passes.specification import EXACT, Specification
from runtime.program.interface_json import CHUNK

DEFAULT_CHUNK = 64
"""Tokens of a prompt at a time, at most: for the host, which then reads weights once."""

ROW_BYTES = 4
"""Of an element of a row while it is computed."""


SHARING = frozenset({"DynamicQuantizeLinear", "DynamicQuantizeMatMul"})
"""Operators with statistics of a whole tensor, which is one token or many."""


class NoChunk(Exception):
    """Why there is no `prompt_chunk`, in words for the user."""


def wanted(module: ModuleOp) -> int:
    """How many tokens at a time the options ask for."""
    given = options(module).get("prompt_chunk")
    return given.value.data if isinstance(given, IntegerAttr) else DEFAULT_CHUNK


def inputs_by_role(module: ModuleOp, step: FuncOp) -> dict[str, list[BlockArgument]]:
    """The arguments of `step` by what they are; those without a rank are left out."""
    ports = interface_of(step).arguments
    ranked = [(p, a) for p, a in zip(ports, step.args, strict=True) if tensor_of(a).dims]
    roles = roles_of([p for p, _ in ranked], [tensor_of(a) for _, a in ranked], given_roles(module))
    found: dict[str, list[BlockArgument]] = {}
    for role, (_, argument) in zip(roles, ranked, strict=True):
        found.setdefault(role, []).append(argument)
    return found


def check_growing(inputs: Sequence[BlockArgument]) -> None:
    """Raise `NoChunk` if a step replaces what a token leaves for the next one."""
    if inputs:
        raise NoChunk("a state is replaced by each token, one after the other")


def check_free(module: ModuleOp, step: FuncOp, inputs: dict[str, list[BlockArgument]]) -> None:
    """Raise `NoChunk` if something fixes how many tokens a step takes, or has in its cache."""
    (ids,) = inputs["ids"]
    extents = [_extent(tensor_of(ids), 1)]
    if extents[0] is not None and extents[0].is_const:
        raise NoChunk(f"the model takes {extents[0]} tokens a step")
    for role in ("mask", "positions"):
        extents += [_extent(tensor_of(value), -1) for value in inputs.get(role, ())]
    caches = [tensor_of(value) for value in inputs["past"]]
    named = [cache for cache in caches if cache.dims and None not in cache.dims]
    extents += [_extent(cache, token_axis(cache)) for cache in named]
    originals = original_names(step)
    names = {originals.get(symbol, symbol) for e in extents if (symbol := symbol_of(e))}
    names |= {name for name, role in ALIASES.items() if role in ("seq", "past")}
    for name in sorted(names & given_shape(module).keys()):
        raise NoChunk(f"--shape fixes '{name}'")


def check_apart(step: FuncOp) -> None:
    """Raise `NoChunk` if tokens of one chunk depend on one another by more than attention."""
    for op in operations(step.body.block):
        if isinstance(op, OnnxOp) and op.OP_TYPE in SHARING:
            raise NoChunk(f"{op.OP_TYPE} takes one scale for all tokens of a step")


def _extent(tensor: Tensor, axis: int) -> Affine | None:
    return tensor.dims[axis] if tensor.dims and axis < len(tensor.dims) else None


def rows(most: int, context: int, width: int, lmu_bytes: int) -> int:
    """How many rows there can be, `most` or a power of two; `NoChunk` if that is one."""
    if most < 2:
        raise NoChunk("it is not asked for")
    for count in _counts(most):
        if count <= context and count * width * ROW_BYTES * 4 <= lmu_bytes * 3:
            return count
    if context < 2:
        raise NoChunk("the cache has room for one token")
    raise NoChunk(f"two rows of {width * ROW_BYTES} bytes are too much for {lmu_bytes} of LMU")


def _counts(most: int) -> Sequence[int]:
    powers = [1 << bit for bit in range(most.bit_length() - 1, 0, -1)]
    return list(dict.fromkeys([most, *powers]))


def chunk_of(module: ModuleOp, step: FuncOp, ids: BlockArgument) -> FuncOp:
    """The clone; raises `NoChunk`."""
    target = target_of(module)
    count = rows(wanted(module), max_context(module), widest_row(step), target.lmu_bytes)
    clone = copied(step)
    set_property(clone, "sym_name", StringAttr(CHUNK))
    append(clone, module.body.block)
    tensor = tensor_of(ids)
    dims = tuple(Affine(count) if axis == 1 else d for axis, d in enumerate(tensor.dims or ()))
    retype(clone.args[ids.index], tensor_type(Tensor(dims, tensor.dtype)))
    sign(clone)
    return clone


class OnnxDeriveChunkPass(RewritingPass):
    """Make a second function of a decoder, which takes many tokens of a prompt at a time."""

    name = "onnx-derive-chunk"
    specification = Specification(
        level="onnx",
        after={"operators": "nobody takes prompts of a refused model"},
        gives=("chunks",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        if any(func.sym_name.data == CHUNK for func in functions(module)):
            return
        step = step_function(module)
        inputs = inputs_by_role(module, step)
        if len(inputs.get("ids", ())) != 1 or not inputs.get("past") or inputs.get("data"):
            return
        try:
            check_growing(inputs.get(RECURRENT, ()))
            check_free(module, step, inputs)
            check_apart(step)
            chunk_of(module, step, inputs["ids"][0])
        except NoChunk as reason:
            set_attribute(step, "lpu.no_chunk", StringAttr(escape(str(reason))))
