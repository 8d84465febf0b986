"""Pieces of a model in f16: one node, or all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.fuzz.nearmiss.graph import Case
from benchmarks.fuzz.nearmiss.mutations.sites import (
    SHOW,
    Site,
    Values,
    dtype_of,
    insert,
    producers,
)

FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16


def _node_in_half(number: int, floats: tuple[int, ...], case: Case) -> None:
    """The operands rounded to f16, the node in f16, its result lengthened."""
    at = number
    for index in floats:
        value = case.model.graph.node[at].input[index]
        half = insert(case, at, "Cast", [value], to=HALF)
        at += 1
        case.model.graph.node[at].input[index] = half
    _lengthened(at, case)


def _lengthened(number: int, case: Case) -> None:
    node = case.model.graph.node[number]
    name = node.output[0]
    node.output[0] = f"{name}_half"
    nodes = list(case.model.graph.node)
    cast = helper.make_node("Cast", [f"{name}_half"], [name], name=f"{name}_wide", to=FLOAT)
    nodes.insert(number + 1, cast)
    del case.model.graph.node[:]
    case.model.graph.node.extend(nodes)


def _result_rounded(number: int, case: Case) -> None:
    """A result rounded to f16 and back, for all its readers."""
    node = case.model.graph.node[number]
    name = node.output[0]
    node.output[0] = f"{name}_exact"
    nodes = list(case.model.graph.node)
    half = helper.make_node("Cast", [f"{name}_exact"], [f"{name}_half"], name=f"{name}_n", to=HALF)
    wide = helper.make_node("Cast", [f"{name}_half"], [name], name=f"{name}_w", to=FLOAT)
    nodes[number + 1 : number + 1] = [half, wide]
    del case.model.graph.node[:]
    case.model.graph.node.extend(nodes)


def _all_in_half(case: Case) -> None:
    """Every f32 of the model becomes f16."""
    assert isinstance(case.feeds, dict)
    for name, feed in case.feeds.items():
        if feed.dtype == "f32":
            case.feeds[name] = replace(feed, dtype="f16")
    for info in (*case.model.graph.input, *case.model.graph.output):
        if info.type.tensor_type.elem_type == FLOAT:
            info.type.tensor_type.elem_type = HALF
    for weight in case.model.graph.initializer:
        if weight.data_type == FLOAT:
            with np.errstate(over="ignore"):
                array = numpy_helper.to_array(weight).astype(np.float16)
            weight.CopyFrom(numpy_helper.from_array(array, weight.name))
    for node in case.model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == FLOAT:
                attribute.i = HALF


def _is_plain(node: onnx.NodeProto) -> bool:
    return not node.name.startswith(SHOW) and len(node.output) == 1


def sites(case: Case, values: Values) -> Iterator[Site]:
    kinds = producers(case)
    for number, node in enumerate(case.model.graph.node):
        if not _is_plain(node) or dtype_of(values, node.output[0]) != "f32":
            continue
        rounded = partial(_result_rounded, number)
        yield Site("result_rounded", kinds[node.output[0]], rounded)
        operands = enumerate(node.input)
        floats = tuple(i for i, v in operands if v and dtype_of(values, v) == "f32")
        if node.op_type != "Cast":
            yield Site(
                "node_in_half", kinds[node.output[0]], partial(_node_in_half, number, floats)
            )
    yield Site("all_in_half", "model", _all_in_half)
