"""
Say what each input of a decoder is, and give every free dimension a number or a bounded symbol.

```mlir
func.func @step(
    %ids : !lpu.tensor<[batch, seq], i64>, %past : !lpu.tensor<[batch, 4, past, 16], f32>)
    attributes {lpu.inputs = ["input_ids", "past_key_values.0.key"]} {
  func.return
}
```
becomes
```mlir
func.func @step(%ids : !lpu.tensor<[1, 1], i64>, %past : !lpu.tensor<[1, 4, P, 16], f32>)
    attributes {lpu.inputs = ["input_ids", "past_key_values.0.key"],
                lpu.symbols = #lpu.symbols<[P in 0 to 2047]>, lpu.roles = ["ids", "past"]} {
  func.return
}
```

The batch is 1 and the sequence is 1 in a decoder with cache inputs, unless `shape` fixes them; the
extent of the cache is the symbol `P`, from 0 to `max_context` less the sequence; the mask covers
cache and sequence, `P + seq`, whatever its own symbol was called. Names of dimensions are never
trusted: they are bound through the role of the input they occur in.

**Requires** module attribute `lpu.options` (`max_context`, `shape`), both with defaults.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import (
    ArrayAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
)
from xdsl.dialects.func import FuncOp

from dialects.affine import Affine
from dialects.errors import CompileError
from dialects.lpu.attributes import SymbolsAttr
from dialects.lpu.ops import tensor_of
from dialects.lpu.types import Tensor, tensor_type
from passes.analysis.functions import (
    dictionary,
    model_folder,
    options,
    step_function,
    strings,
)
from passes.onnx.shapes.limits import context_limit, head_size
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import retype, set_attribute, sign

DEFAULT_CONTEXT = 2048
PAST = "P"
ROLE_NAMES = (
    ("input_ids", "ids"),
    ("attention_mask", "mask"),
    ("position_ids", "positions"),
    ("past", "past"),
)
"""What the name of an input contains, and the role that says; the first match counts."""


def role_of(name: str, tensor: Tensor) -> str:
    """The role of an input by its name, checked against rank and element type; else `data`."""
    role = next((role for part, role in ROLE_NAMES if part in name), "data")
    rank = len(tensor.dims or ())
    fits = rank == 4 and tensor.dtype.is_float if role == "past" else rank == 2
    return role if fits else "data"


@dataclass
class Binding:
    """Which number or affine expression stands for each symbol of the model."""

    overrides: dict[str, int]
    originals: dict[str, str]
    max_context: int
    values: dict[str, Affine]

    def override(self, symbol: str | None, *aliases: str) -> int | None:
        """What `shape` says of a dimension, under its ONNX name or the name of its role."""
        names = [self.originals.get(symbol, symbol)] if symbol else []
        for name in (*names, *aliases):
            if name in self.overrides:
                return self.overrides[name]
        return None

    def bind(self, extent: Affine | None, value: Affine) -> None:
        symbol = symbol_of(extent)
        if symbol is not None:
            self.values.setdefault(symbol, value)


def symbol_of(extent: Affine | None) -> str | None:
    """The symbol that an extent consists of, if it is one."""
    if extent is not None and extent.const == 0 and len(extent.terms) == 1:
        return extent.terms[0][0]
    return None


def _axis(tensors: list[Tensor], axis: int) -> Affine | None:
    return tensors[0].dims[axis] if tensors and tensors[0].dims else None


def _number(binding: Binding, extent: Affine | None, default: int, *aliases: str) -> Affine:
    """An extent that must be a number: its own, or what `shape` says, or the default."""
    if extent is not None and extent.is_const:
        return extent
    given = binding.override(symbol_of(extent), *aliases)
    return Affine(default if given is None else given)


def bind_decoder(binding: Binding, by_role: dict[str, list[Tensor]]) -> Affine | None:
    """Bind batch, sequence, past and total; the upper bound of P, if the cache is dynamic."""
    ids, past, mask = by_role["ids"], by_role["past"], by_role["mask"]
    batch = _number(binding, _axis(ids, 0), 1, "batch", "batch_size")
    sequence = _number(binding, _axis(ids, 1), 1, "seq", "sequence", "sequence_length")
    extent = _axis(past, 2)
    fixed = binding.override(symbol_of(extent), "past") if extent is not None else None
    bound = None
    length = Affine()
    if extent is not None and extent.is_const:
        length = extent
    elif fixed is not None:
        length = Affine(fixed)
    elif past:
        length, bound = Affine.symbol(PAST), Affine(binding.max_context) - sequence
    for tensors, axes in (
        (ids, (batch, sequence)),
        (by_role["positions"], (batch, sequence)),
        (mask, (batch, length + sequence)),
        (past, (batch, None, length, None)),
    ):
        for tensor in tensors:
            for have, value in zip(tensor.dims or (), axes, strict=True):
                if value is not None:
                    binding.bind(have, value)
    return bound


def bind_rest(binding: Binding, tensors: list[Tensor], names: list[str]) -> None:
    """Symbols outside of any role: what `shape` says, or 1 for a leading axis, or an error."""
    for name, tensor in zip(names, tensors, strict=True):
        for axis, extent in enumerate(tensor.dims or ()):
            symbol = symbol_of(extent)
            if symbol is None or symbol in binding.values:
                continue
            given = binding.override(symbol)
            if given is None and axis > 0:
                original = binding.originals.get(symbol, symbol)
                raise CompileError(
                    f"dimension '{original}' of input '{name}' is neither bound nor given",
                    hint=f"fix it with --shape {original}=N",
                )
            binding.values[symbol] = Affine(1 if given is None else given)


def _shape(module: ModuleOp) -> dict[str, int]:
    """The dimensions that `shape` fixes."""
    entries = dictionary(options(module).get("shape"))
    return {k: v.value.data for k, v in entries.items() if isinstance(v, IntegerAttr)}


def _max_context(module: ModuleOp) -> int:
    """What the options say, or the default, within what the positions of the model allow."""
    limit = context_limit(step_function(module), model_folder(module))
    given = options(module).get("max_context")
    if not isinstance(given, IntegerAttr):
        return DEFAULT_CONTEXT if limit is None else min(limit, DEFAULT_CONTEXT)
    if limit is not None and given.value.data > limit:
        raise CompileError(
            f"--max-context {given.value.data} is more than the {limit} positions of the model"
        )
    return given.value.data


def _originals(func: FuncOp) -> dict[str, str]:
    params = dictionary(func.attributes.get("lpu.dim_params"))
    return {k: v.data for k, v in params.items() if isinstance(v, StringAttr)}


def check_overrides(binding: Binding, tensors: list[Tensor]) -> None:
    """Every name that `shape` gives must be a dimension of the model or of a role."""
    symbols = {s for t in tensors for d in t.dims or () if (s := symbol_of(d))}
    known = {binding.originals.get(s, s) for s in symbols}
    aliases = {"batch", "batch_size", "seq", "sequence", "sequence_length", "past"}
    for name in sorted(set(binding.overrides) - known - aliases):
        raise CompileError(
            f"--shape {name}: the model has no such dimension",
            hint=f"it has {', '.join(sorted(known)) or 'none'}",
        )


def named(tensor: Tensor, index: int, name: str) -> Tensor:
    """A tensor whose nameless extents have symbols of their own, so that roles bind them too."""
    if tensor.dims is None:
        raise CompileError(f"input '{name}' has no shape, not even a rank")
    dims = enumerate(tensor.dims)
    return tensor.with_dims(
        [Affine.symbol(f"unnamed_{index}_{axis}") if d is None else d for axis, d in dims]
    )


def bind(func: FuncOp, max_context: int, overrides: dict[str, int]) -> None:
    """Rewrite the types of the arguments and record roles and symbols on the function."""
    names = strings(func, "lpu.inputs")
    tensors = [
        named(tensor_of(argument), index, name)
        for index, (argument, name) in enumerate(zip(func.body.block.args, names, strict=True))
    ]
    roles = strings(func, "lpu.roles") or [
        role_of(name, tensor) for name, tensor in zip(names, tensors, strict=True)
    ]
    by_role: dict[str, list[Tensor]] = {"ids": [], "past": [], "mask": [], "positions": []}
    for role, tensor in zip(roles, tensors, strict=True):
        by_role.setdefault(role, []).append(tensor)
    binding = Binding(overrides, _originals(func), max_context, {})
    check_overrides(binding, tensors)
    bound = bind_decoder(binding, by_role) if by_role["ids"] else None
    size = head_size(func)
    if size is not None:
        for tensor in by_role["past"]:
            binding.bind(tensor.dims[3] if tensor.dims else None, size)
    bind_rest(binding, tensors, names)
    if bound is not None and bound.const < 0:
        raise CompileError(f"--max-context {max_context} is shorter than the new tokens alone")
    for argument, tensor in zip(func.body.block.args, tensors, strict=True):
        dims = [d.substitute(binding.values) for d in tensor.shape]
        retype(argument, tensor_type(tensor.with_dims(dims)))
    symbols = ((PAST, 0, bound.const),) if bound is not None else ()
    set_attribute(func, "lpu.symbols", SymbolsAttr(symbols))
    set_attribute(func, "lpu.roles", ArrayAttr([StringAttr(role) for role in roles]))
    sign(func)


@dataclass(frozen=True)
class OnnxBindRolesPass(RewritingPass):
    """Bind the free dimensions of the inputs by role."""

    name = "onnx-bind-roles"

    def rewrite(self, module: ModuleOp) -> None:
        bind(step_function(module), _max_context(module), _shape(module))
