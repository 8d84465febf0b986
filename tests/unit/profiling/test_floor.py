"""The floor of graphs whose bytes and products are counted by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from lpuc.profiling.floor import floor_of
from lpuc.profiling.floor.shapes import Unshaped
from runtime.target import Target

CONTEXT = 10
WIDTH, HEADS, HEAD, VOCABULARY = 8, 2, 4, 16
CACHE = 2 * HEADS * (CONTEXT + 1) * HEAD * 2
"""Bytes of keys and values in f16: as many rows as tokens are read, one is written."""


def weight(name: str, *shape: int) -> TensorProto:
    return numpy_helper.from_array(np.zeros(shape, np.float32), name)


def value(name: str, shape: Sequence[int | str | None], kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


PAST = [
    value(f"past_key_values.0.{name}", ["batch", HEADS, "past", HEAD]) for name in ("key", "value")
]


def saved(
    folder: Path, nodes: Sequence[Any], weights: Sequence[TensorProto], inputs: Sequence[Any] = PAST
) -> Path:
    ids = value("input_ids", ["batch", "seq"], TensorProto.INT64)
    graph = helper.make_graph(
        nodes, "g", [ids, *inputs], [value("logits", ["a", "b", "c"])], weights
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    path = folder / "model.onnx"
    save(helper.make_model(graph, opset_imports=opsets), path)
    return path


def embedding(head: str = "head") -> list[Any]:
    return [
        helper.make_node("Gather", ["table", "input_ids"], ["x"], "embed"),
        helper.make_node("MatMul", ["x", "w"], ["y"], "project"),
        helper.make_node("MatMul", ["y", head], ["logits"], "head"),
    ]


def test_each_weight_is_read_once_and_one_row_of_the_embedding(tmp_path: Path) -> None:
    weights = [
        weight("table", VOCABULARY, WIDTH),
        weight("w", WIDTH, WIDTH),
        weight("head", WIDTH, VOCABULARY),
    ]
    floor = floor_of(saved(tmp_path, embedding(), weights), CONTEXT, "f16")
    assert floor.bytes == CACHE + 2 * (WIDTH + WIDTH * WIDTH + WIDTH * VOCABULARY)
    assert floor.macs == WIDTH * WIDTH + WIDTH * VOCABULARY


def test_dimensions_need_no_names(tmp_path: Path) -> None:
    weights = [
        weight("table", VOCABULARY, WIDTH),
        weight("w", WIDTH, WIDTH),
        weight("head", WIDTH, VOCABULARY),
    ]
    path = saved(tmp_path, embedding(), weights)
    nameless = [value(one.name, [None, HEADS, None, HEAD]) for one in PAST]
    mask = value("attention_mask", [None, None], TensorProto.INT64)
    (tmp_path / "other").mkdir()
    other = saved(tmp_path / "other", embedding(), weights, [mask, *nameless])
    assert floor_of(path, CONTEXT, "f16").parts == floor_of(other, CONTEXT, "f16").parts


def test_a_tied_table_counts_as_the_head_alone(tmp_path: Path) -> None:
    nodes = [
        *embedding("turned"),
        helper.make_node("Transpose", ["table"], ["turned"], perm=[1, 0]),
    ]
    nodes = [nodes[0], nodes[3], nodes[1], nodes[2]]
    weights = [weight("table", VOCABULARY, WIDTH), weight("w", WIDTH, WIDTH)]
    floor = floor_of(saved(tmp_path, nodes, weights), CONTEXT, "f16")
    assert floor.bytes == CACHE + 2 * (WIDTH * WIDTH + WIDTH * VOCABULARY)


def test_a_weight_of_two_products_is_read_once(tmp_path: Path) -> None:
    nodes = embedding()
    nodes.insert(2, helper.make_node("MatMul", ["y", "w"], ["z"], "again"))
    weights = [
        weight("table", VOCABULARY, WIDTH),
        weight("w", WIDTH, WIDTH),
        weight("head", WIDTH, VOCABULARY),
    ]
    floor = floor_of(saved(tmp_path, nodes, weights), CONTEXT, "f16")
    assert floor.bytes == CACHE + 2 * (WIDTH + WIDTH * WIDTH + WIDTH * VOCABULARY)
    assert floor.macs == 2 * WIDTH * WIDTH + WIDTH * VOCABULARY


def test_weights_that_data_chooses_are_read_as_far_as_chosen(tmp_path: Path) -> None:
    """One expert of four: GatherND takes its rows of a table of all."""
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["x"], "embed"),
        helper.make_node("GatherND", ["experts", "input_ids"], ["w"], "chosen"),
        helper.make_node("MatMul", ["x", "w"], ["logits"], "product"),
    ]
    weights = [weight("table", VOCABULARY, WIDTH), weight("experts", 4, WIDTH, VOCABULARY)]
    floor = floor_of(saved(tmp_path, nodes, weights), CONTEXT, "f16")
    assert floor.bytes == CACHE + 2 * (WIDTH + WIDTH * VOCABULARY)


def test_products_of_activations_have_their_shapes(tmp_path: Path) -> None:
    """Q.K over the cache and the token: heads x tokens x head size, through a reshape."""
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["x"], "embed"),
        helper.make_node("Reshape", ["x", "extents"], ["q"]),
        helper.make_node("Concat", ["past_key_values.0.key", "q"], ["k"], axis=2),
        helper.make_node("Transpose", ["k"], ["turned"], perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["q", "turned"], ["logits"], "scores"),
    ]
    extents = numpy_helper.from_array(np.array([1, -1, 1, HEAD]), "extents")
    floor = floor_of(
        saved(tmp_path, nodes, [weight("table", VOCABULARY, WIDTH), extents]), CONTEXT, "f16"
    )
    assert floor.macs == HEADS * (CONTEXT + 1) * HEAD
    assert floor.notes == ()


def test_fused_attention_multiplies_by_all_its_heads(tmp_path: Path) -> None:
    """Four query heads share two of the cache: each of them costs two products."""
    queries = 4
    inputs = ["x", "x", "x", "past_key_values.0.key", "past_key_values.0.value"]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["x"], "embed"),
        helper.make_node("GroupQueryAttention", inputs, ["logits"], "attention",
                         domain="com.microsoft", num_heads=queries, kv_num_heads=HEADS),
    ]  # fmt: skip
    floor = floor_of(saved(tmp_path, nodes, [weight("table", VOCABULARY, WIDTH)]), CONTEXT, "f16")
    assert floor.macs == 2 * queries * (CONTEXT + 1) * HEAD


@pytest.mark.parametrize("is_packed", [True, False])
def test_a_cache_of_open_head_size_is_as_wide_as_its_keys(tmp_path: Path, is_packed: bool) -> None:
    """Two query heads, two of the cache, four lanes: 24 columns in one product, or 8 of keys."""
    columns = 3 * HEADS * HEAD if is_packed else HEADS * HEAD
    attended = ["y", "", ""] if is_packed else ["y", "y", "y"]
    cache = [value(one.name, ["batch", HEADS, "past", "kv_cache_dim"]) for one in PAST]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["x"], "embed"),
        helper.make_node("MatMul", ["x", "w"], ["y"], "project"),
        helper.make_node("GroupQueryAttention", [*attended, *(one.name for one in cache)],
                         ["logits", "", ""], "attention", domain="com.microsoft",
                         num_heads=HEADS, kv_num_heads=HEADS),
    ]  # fmt: skip
    weights = [weight("table", VOCABULARY, WIDTH), weight("w", WIDTH, columns)]
    floor = floor_of(saved(tmp_path, nodes, weights, cache), CONTEXT, "f16")
    assert floor.bytes == CACHE + 2 * (WIDTH + WIDTH * columns)
    assert floor.macs == WIDTH * columns + 2 * HEADS * (CONTEXT + 1) * HEAD


def test_bytes_follow_the_precision_and_packed_weights_the_file(tmp_path: Path) -> None:
    packed = numpy_helper.from_array(np.zeros((WIDTH, 1, WIDTH // 2), np.uint8), "packed")
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["x"], "embed"),
        helper.make_node("MatMulNBits", ["x", "packed", "scales"], ["logits"], "project",
                         domain="com.microsoft", K=WIDTH, N=WIDTH, bits=4, block_size=16),
    ]  # fmt: skip
    weights = [weight("table", VOCABULARY, WIDTH), packed, weight("scales", WIDTH)]
    path = saved(tmp_path, nodes, weights)
    narrow, wide = (floor_of(path, CONTEXT, precision) for precision in ("f16", "f32"))
    assert narrow.bytes == CACHE + 2 * WIDTH + WIDTH * WIDTH // 2 + 2 * WIDTH
    assert wide.bytes == 2 * CACHE + 4 * WIDTH + WIDTH * WIDTH // 2 + 4 * WIDTH
    assert narrow.macs == wide.macs == WIDTH * WIDTH


def test_codes_of_a_table_are_bytes_of_the_file(tmp_path: Path) -> None:
    packed = numpy_helper.from_array(np.zeros(WIDTH * WIDTH // 2, np.uint8), "packed")
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["x"], "embed"),
        helper.make_node("MatMulBnb4", ["x", "packed", "scales"], ["logits"], "project",
                         domain="com.microsoft", K=WIDTH, N=WIDTH, quant_type=1, block_size=16),
    ]  # fmt: skip
    scales = WIDTH * WIDTH // 16
    weights = [weight("table", VOCABULARY, WIDTH), packed, weight("scales", scales)]
    floor = floor_of(saved(tmp_path, nodes, weights), CONTEXT, "f16")
    assert floor.bytes == CACHE + 2 * WIDTH + WIDTH * WIDTH // 2 + 2 * scales
    assert floor.macs == WIDTH * WIDTH


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["x"], "embed"),
        helper.make_node("Secret", ["x"], ["y"], "secret", domain="com.microsoft"),
        helper.make_node("MatMul", ["y", "y"], ["logits"], "square"),
    ]
    floor = floor_of(saved(tmp_path, nodes, [weight("table", VOCABULARY, WIDTH)]), CONTEXT, "f16")
    assert floor.notes == ("MatMul 'square': shapes are not known",)


def test_a_model_without_a_cache_has_no_floor(tmp_path: Path) -> None:
    weights = [
        weight("table", VOCABULARY, WIDTH),
        weight("w", WIDTH, WIDTH),
        weight("head", WIDTH, VOCABULARY),
    ]
    with pytest.raises(Unshaped, match="no cache input"):
        floor_of(saved(tmp_path, embedding(), weights, ()), CONTEXT, "f16")


def test_the_time_is_that_of_what_takes_longer(tmp_path: Path) -> None:
    """Two machines: one has little bandwidth, the other few trees."""
    weights = [
        weight("table", VOCABULARY, WIDTH),
        weight("w", WIDTH, WIDTH),
        weight("head", WIDTH, VOCABULARY),
    ]
    floor, lpu = (
        floor_of(saved(tmp_path, embedding(), weights), CONTEXT, "f16"),
        Target.load("lpu-4nm"),
    )
    moving = floor.bytes / (float(lpu.refresh_leaves) * 3.2768e12)
    assert floor.seconds(lpu) == pytest.approx(max(moving, floor.macs / (2048 * 0.8e9)))
    assert floor.seconds(lpu, 4) == pytest.approx(floor.seconds(lpu) / 4)
    assert floor.in_order(lpu) >= floor.seconds(lpu)
