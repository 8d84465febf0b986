"""
Which factors are cut, into how many parts: chosen here, or read from a plan.

For each product, the largest first, the outermost factors of its columns that nothing else needs
whole are cut, so that the devices hold as little as can be of all products that share them: heads
rather than the elements of a head; key/value heads as far as they go, and then the query heads of a
group, for which devices hold the same keys. What is computed whole and then read in parts has as
many parts as there are devices: they know no more than their number. What something needs whole is
cut if there is nothing else: the width of the model, the vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product as combinations
from math import prod

from passes.lpu_esl.factors.products import Product, Products, extents
from passes.rewriting.remarks import PARTITION

WORTH = 2
"""Columns for each device below which an exchange costs more than what it saves."""

Cuts = dict[int, tuple[int, int]]
"""By factor: parts, and stride on the mesh; in the order in which they were chosen."""


def choose(products: Products, devices: int) -> Cuts:
    """The cuts for so many devices."""
    cuts: Cuts = {}
    for product in products.by_name.values():
        columns = prod(extents(products.factors, product.columns))
        if columns < WORTH * devices:
            PARTITION.no(None, "'{}' has {} columns, too few to share", product.name, columns)
        elif cuts.keys().isdisjoint(product.columns):
            candidates = [f for f in _candidates(products, product) if _is_open(products, f, cuts)]
            best = _best(products, candidates, devices)
            PARTITION.yes(None, "'{}' is cut so: (parts, stride) {}", product.name, best)
            cuts |= best
    return cuts


def _candidates(products: Products, product: Product) -> list[int]:
    free = [factor for factor in product.columns if factor not in products.demanded]
    return free or [_largest(products, product)]


def _is_open(products: Products, factor: int, cuts: Cuts) -> bool:
    """Whether no product that has a factor has another one that is cut already."""
    sharing = products.by_factor[factor]
    return all(cuts.keys().isdisjoint(product.columns) for product in sharing)


def _best(products: Products, candidates: Sequence[int], devices: int) -> Cuts:
    sharing = {p.name: p for factor in candidates for p in products.by_factor[factor]}.values()
    best: tuple[float, Cuts] | None = None
    for parts in _splits(extents(products.factors, candidates), devices):
        cuts = _strided(candidates, parts)
        if not all(can_cut(products, factor, cut, devices) for factor, (cut, _) in cuts.items()):
            continue
        held = sum(_held(products, other, cuts) for other in sharing)
        if best is None or held < best[0]:
            best = (held, cuts)
    return {} if best is None else best[1]


def can_cut(products: Products, factor: int, parts: int, devices: int) -> bool:
    """Whether each device can tell its part of a factor in all that has it."""
    return parts in (1, devices) or factor not in products.computed_whole


def _largest(products: Products, product: Product) -> int:
    sizes = extents(products.factors, product.columns)
    return product.columns[sizes.index(max(sizes))]


def _splits(sizes: Sequence[int], devices: int) -> Iterator[tuple[int, ...]]:
    """Numbers of parts that are powers of two, the outermost cut most first."""
    powers = [1 << bit for bit in reversed(range(devices.bit_length()))]
    ranges = [[parts for parts in powers if parts < 2 * size] for size in sizes]
    return (parts for parts in combinations(*ranges) if prod(parts) <= devices)


def _strided(factors: Sequence[int], parts: Sequence[int]) -> Cuts:
    """The outermost factor on the outermost axis of the mesh."""
    cuts: Cuts = {}
    for index, (factor, count) in enumerate(zip(factors, parts, strict=True)):
        if count > 1:
            cuts[factor] = (count, prod(parts[index + 1 :]))
    return cuts


def _held(products: Products, product: Product, cuts: Mapping[int, tuple[int, int]]) -> float:
    """Bytes of a product's weights that a device holds, padding included."""
    share = 1.0
    sizes = extents(products.factors, product.columns)
    for factor, extent in zip(product.columns, sizes, strict=True):
        parts = cuts.get(factor, (1, 1))[0]
        share *= -(-extent // parts) / extent
    return share * product.nbytes
