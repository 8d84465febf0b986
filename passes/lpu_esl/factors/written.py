"""
A plan as data: how the columns of each product are cut.

```mlir
lpu_esl.plan = {devices = 4 : i64, model = "9f86d081884c7d65", products = {
  "node_linear" = "3/4, 2, 32", "node_linear_4" = "384/4"}}
```
The factors of a product's columns, the outermost first; `/4` cuts one into four parts, `/2:4` into
two over the outer axis of the mesh. The plan is the user's to edit: what cannot be is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.ir import Attribute

from dialects.lpu_esl.plans import PLAN, Unplannable
from dialects.names import escape, unescape
from dialects.spelling import did_you_mean
from passes.analysis.functions import dictionary
from passes.lpu_esl.factors.cuts import Cuts, can_cut
from passes.lpu_esl.factors.products import Product, Products, extents
from runtime.sharding import Factor, Sharding

ANEW = "--plan-out makes a new one"


def fingerprint(products: Products) -> str:
    """What tells models apart: the names of their products and how many columns they have."""
    known = {name: extents(products.factors, p.columns) for name, p in products.by_name.items()}
    text = "\n".join(f"{name} {known[name]}" for name in sorted(known))
    return sha256(text.encode()).hexdigest()[:16]


def write(products: Products, cuts: Cuts, devices: int) -> DictionaryAttr:
    """The plan of cuts."""
    return DictionaryAttr(
        {
            "devices": IntegerAttr(devices, i64),
            "model": StringAttr(fingerprint(products)),
            "products": DictionaryAttr(
                {
                    escape(name): StringAttr(_columns(products, product, cuts))
                    for name, product in sorted(products.by_name.items())
                }
            ),
        }
    )


def _columns(products: Products, product: Product, cuts: Cuts) -> str:
    sizes = extents(products.factors, product.columns)
    pairs = zip(product.columns, sizes, strict=True)
    return ", ".join(str(Factor(size, *cuts.get(factor, (1, 1)))) for factor, size in pairs)


def read(module: ModuleOp, products: Products, devices: int) -> Cuts:
    """The cuts that the plan of a module says; `CompileError` if they cannot be."""
    plan = dictionary(module.attributes.get(PLAN))
    number, model = plan.get("devices"), plan.get("model")
    found = number.value.data if isinstance(number, IntegerAttr) else None
    if found != devices:
        raise Unplannable(f"the plan is for {found} devices, not {devices}", hint=ANEW)
    if not isinstance(model, StringAttr) or model.data != fingerprint(products):
        raise Unplannable("the plan is for another model", hint=ANEW)
    columns = _named(plan, products)
    cuts: Cuts = {}
    said: dict[int, tuple[str, tuple[int, int]]] = {}
    for name, product in products.by_name.items():
        for factor, cut in _cuts(products, product, columns.get(name), devices).items():
            other, known = said.setdefault(factor, (name, cut))
            if known != cut:
                raise Unplannable(
                    f"the plan cuts '{name}' into {_parts(cut)} and '{other}' into "
                    f"{_parts(known)} where they are the same columns"
                )
            if not can_cut(products, factor, cut[0], devices):
                raise Unplannable(
                    f"the plan cuts '{name}' into {_parts(cut)}, but something that reads these "
                    f"columns is computed whole: cut them into {devices} parts, or not at all"
                )
            if cut[0] > 1:
                cuts[factor] = cut
    return cuts


def _named(plan: Mapping[str, Attribute], products: Products) -> dict[str, str]:
    found = dictionary(plan.get("products"))
    columns = {unescape(k): v.data for k, v in found.items() if isinstance(v, StringAttr)}
    for name in columns:
        if name not in products.by_name:
            hint = did_you_mean(name, products.by_name, "products are named by their nodes")
            raise Unplannable(
                f"the plan cuts '{name}', which is no product of the model", hint=hint
            )
    return columns


def _cuts(
    products: Products, product: Product, text: str | None, devices: int
) -> dict[int, tuple[int, int]]:
    sizes = extents(products.factors, product.columns)
    if text is None:
        return dict.fromkeys(product.columns, (1, 1))
    try:
        factors, *more = Sharding.parse(f"{devices} x [[{text}]]").axes
        if more:
            raise ValueError("these are several axes")
    except ValueError as error:
        raise Unplannable(f"the plan has '{text}' for '{product.name}': {error}") from None
    if [factor.extent for factor in factors] != sizes:
        expected = ", ".join(map(str, sizes))
        raise Unplannable(
            f"the plan has '{text}' for '{product.name}', whose columns are {expected}"
        )
    pairs = zip(product.columns, factors, strict=True)
    return {factor: (cut.parts, cut.stride) for factor, cut in pairs}


def _parts(cut: tuple[int, int]) -> str:
    parts, stride = cut
    apart = f", {stride} devices apart" if stride > 1 else ""
    return "1 part" if parts == 1 else f"{parts} parts{apart}"
