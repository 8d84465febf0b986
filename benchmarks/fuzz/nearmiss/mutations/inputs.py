"""Inputs with other extents, and inputs with rows that hold infinities and NaN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from onnx import helper

from benchmarks.fuzz.nearmiss.graph import DTYPES, Case
from benchmarks.fuzz.nearmiss.mutations.sites import Site, Values


def _special(name: str, case: Case) -> None:
    """The model stays as it is: what it means must hold for these numbers, too."""
    assert isinstance(case.feeds, dict)
    case.feeds[name] = replace(case.feeds[name], values="special")


def _resized(name: str, axis: int, extent: int, case: Case) -> None:
    assert isinstance(case.feeds, dict)
    feed = case.feeds[name]
    dims = tuple(extent if i == axis else d for i, d in enumerate(feed.dims))
    case.feeds[name] = replace(feed, dims=dims)
    (info,) = [i for i in case.model.graph.input if i.name == name]
    info.CopyFrom(helper.make_tensor_value_info(name, DTYPES[feed.dtype][0], dims))


def sites(case: Case, values: Values) -> Iterator[Site]:
    del values
    for name, feed in case.feeds.items():
        if feed.dtype in ("f32", "f16"):
            yield Site("input_special", name, partial(_special, name))
        for axis, extent in enumerate(feed.dims):
            if not isinstance(extent, int) or extent == 0:
                continue
            for kind, other in (("input_unit", 1), ("input_double", 2), ("input_empty", 0)):
                if other != extent and not (kind == "input_double" and extent != 1):
                    place = f"{name}.{axis}"
                    yield Site(kind, place, partial(_resized, name, axis, other))
