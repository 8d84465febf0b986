"""
Take inputs in the shorter float type in which they are read, if they are read in no other.

```mlir
func.func @step(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 4], f16>
    attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f16]>} {
  %0 = lpu.cast %x : !lpu.tensor<[1, 4], f32> -> !lpu.tensor<[1, 4], f16>
  %1 = lpu.map "neg" %0 : !lpu.tensor<[1, 4], f16> -> !lpu.tensor<[1, 4], f16>
  func.return %1 : !lpu.tensor<[1, 4], f16>
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[1, 4], f16>) -> !lpu.tensor<[1, 4], f16>
    attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f16]>} {
  %0 = lpu.map "neg" %x : !lpu.tensor<[1, 4], f16> -> !lpu.tensor<[1, 4], f16>
  func.return %0 : !lpu.tensor<[1, 4], f16>
}
```

What an encoder has read is the case: keys and values that each token multiplies, given once. The
host rounds what it gives as the cast would, and the interface goes on to say f32. A function that
shares an input with others takes it so only if all do. Caches are `lpu-cache-to-state`'s, and what
each step replaces stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, BlockArgument

from dialects.lpu.elementwise import CastOp
from dialects.lpu.interface import interface_of
from dialects.lpu.tensors import tensor_of
from passes.analysis.functions import functions
from passes.lpu.precision.widening import is_short
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import erase_unread, replace, retype
from passes.rewriting.signature import declare, sign
from passes.specification import EXACT, Specification
from runtime.numerics.elements import ElementType

GIVEN = "data"
"""The role of inputs that are no part of a text, and kept nowhere."""


def _casts(argument: BlockArgument) -> Sequence[CastOp]:
    """All that reads an argument, if it is casts to one shorter type."""
    casts = [use.operation for use in argument.uses if isinstance(use.operation, CastOp)]
    is_all = len(casts) == len(list(argument.uses)) > 0
    types = {cast.result.type for cast in casts}
    return casts if is_all and len(types) == 1 and is_short(casts[0].result) else ()


def _inputs(func: FuncOp) -> Iterator[tuple[str, BlockArgument, Sequence[CastOp]]]:
    """The f32 inputs by name, with the casts that are all that reads them."""
    for port, argument in zip(interface_of(func).arguments, func.args, strict=True):
        if port.role == GIVEN and tensor_of(argument).dtype == ElementType.F32:
            yield port.name, argument, _casts(argument)


def _rounded(funcs: Sequence[FuncOp]) -> set[str]:
    """The inputs that are read in one shorter type wherever they are inputs."""
    found: dict[str, set[Attribute | None]] = {}
    for func in funcs:
        for name, _, casts in _inputs(func):
            found.setdefault(name, set()).add(casts[0].result.type if casts else None)
    return {name for name, types in found.items() if len(types) == 1 and None not in types}


class LpuRoundInputsPass(RewritingPass):
    """Take inputs that are only read rounded as the host rounds them."""

    name = "lpu-round-inputs"
    specification = Specification(
        level="lpu",
        after={
            "stored": "products say in which type they read",
            "live": "a dead reader of an input is a reader",
        },
        gives=(),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        funcs = list(functions(module))
        names = _rounded(funcs)
        for func in funcs if names else ():
            declare(func, interface_of(func))
            for name, argument, casts in list(_inputs(func)):
                if name in names:
                    retype(argument, casts[0].result.type)
                    for cast in casts:
                        replace(cast.result, argument)
                    erase_unread(list(casts))
            sign(func)
