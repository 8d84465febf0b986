"""
Say what each input of a decoder is, and give every free dimension a number or a bounded symbol.

```mlir
func.func @step(
    %ids : !lpu.tensor<[batch, seq], i64>, %past : !lpu.tensor<[batch, 4, past, 16], f32>)
    attributes {lpu.interface = #lpu.interface<
                  ["input_ids" data i64, "past_key_values.0.key" data f32] -> []>} {
  func.return
}
```
becomes
```mlir
func.func @step(%ids : !lpu.tensor<[1, 1], i64>, %past : !lpu.tensor<[1, 4, P, 16], f32>)
    attributes {lpu.interface = #lpu.interface<
                  ["input_ids" ids i64, "past_key_values.0.key" past f32] -> []>,
                lpu.symbols = #lpu.symbols<[P in 0 to 2047]>} {
  func.return
}
```

The batch is 1 and the sequence is 1 in a decoder with cache inputs, unless `shape` fixes them; the
extent of the cache is the symbol `P`, from 0 to `max_context` less the sequence; caches of other
lengths have symbols of their own, until nodes compare them; the mask covers the first cache and the
sequence, `P + seq`, whatever its own symbol was called. What an encoder has read is `E` long, up to
2048 or to a longer `max_context`: its states, their mask, keys and values of them are data. Names
of dimensions are never trusted: they are bound through the role of the input they occur in. What an
input is its name says, or `input_role`.

**Requires** module attribute `lpu.options` (`max_context`, `shape`, `input_role`), all with
defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import compress

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from dialects.affine import Affine
from dialects.errors import CompileError
from dialects.lpu.attributes import SymbolsAttr
from dialects.lpu.interface import interface_of
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import Tensor, tensor_type
from passes.analysis.functions import DEFAULT_CONTEXT, functions, given_context
from passes.onnx.roles.binding import (
    Binding,
    bind_decoder,
    bind_rest,
    check_names,
    check_numbers,
)
from passes.onnx.roles.given import given_roles, given_shape, max_context, original_names
from passes.onnx.roles.inputs import RECURRENT, is_embedding, is_encoded, is_mask, roles_of
from passes.onnx.shapes.limits import head_size
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import retype, set_attribute
from passes.rewriting.signature import assign_roles
from passes.specification import EXACT, Specification


def named(tensor: Tensor, index: int, name: str) -> Tensor:
    """A tensor whose nameless extents have symbols of their own, so that roles bind them too."""
    if tensor.dims is None:
        raise CompileError(f"input '{name}' has no shape, not even a rank")
    dims = enumerate(tensor.dims)
    return tensor.with_dims(
        [Affine.symbol(f"unnamed_{index}_{axis}") if d is None else d for axis, d in dims]
    )


def bind(
    func: FuncOp,
    max_context: int,
    encoded: int,
    overrides: dict[str, int],
    given: Mapping[str, str],
) -> None:
    """Rewrite the types of the arguments and record roles and symbols on the function."""
    ports = interface_of(func).arguments
    names = [port.name for port in ports]
    tensors = [
        named(tensor_of(argument), index, name)
        for index, (argument, name) in enumerate(zip(func.body.block.args, names, strict=True))
    ]
    roles = roles_of(ports, tensors, given)
    known = ("ids", "past", "mask", "positions", RECURRENT)
    by_role: dict[str, list[Tensor]] = {role: [] for role in known}
    for role, tensor in zip(roles, tensors, strict=True):
        by_role.setdefault(role, []).append(tensor)
    binding = Binding(overrides, original_names(func), max_context, encoded, {})
    check_names(binding, tensors)
    by_role["embeddings"] = [x for n, x in zip(names, tensors, strict=True) if is_embedding(n, x)]
    by_role["masks of rank 4"] = [x for n, x in zip(names, tensors, strict=True) if is_mask(n, x)]
    of_encoder = [role == "data" and is_encoded(n) for n, role in zip(names, roles, strict=True)]
    by_role["encoded"] = list(compress(tensors, of_encoder))
    ranges = bind_decoder(binding, by_role)
    size = head_size(func)
    if size is not None:
        for tensor in by_role["past"]:
            binding.bind(tensor.dims[-1] if tensor.dims else None, size)
    bind_rest(binding, tensors, names)
    check_numbers(binding, tensors)
    for argument, tensor in zip(func.body.block.args, tensors, strict=True):
        dims = [d.substitute(binding.values) for d in tensor.shape]
        retype(argument, tensor_type(tensor.with_dims(dims)))
    set_attribute(func, "lpu.symbols", SymbolsAttr(ranges))
    assign_roles(func, roles)


class OnnxBindRolesPass(RewritingPass):
    """Bind the free dimensions of the inputs by role."""

    name = "onnx-bind-roles"
    specification = Specification(
        level="onnx",
        after={"operators": "nobody gives dimensions of a refused model"},
        gives=("dimensions",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        context, shape, roles = max_context(module), given_shape(module), given_roles(module)
        encoded = max(given_context(module) or 0, DEFAULT_CONTEXT)
        for func in functions(module):
            bind(func, context, encoded, shape, roles)
