"""Recurrent layers through the whole compiler, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.single import Array, Case, assert_refused, assert_same, f32, i32

HIDDEN = 3
X = f32(4, 2, 5)


def _weights(gates: int, ways: int = 1) -> dict[str, Array | None]:
    return {
        "x": X,
        "w": f32(ways, gates * HIDDEN, 5, seed=1),
        "r": f32(ways, gates * HIDDEN, HIDDEN, seed=2),
        "b": f32(ways, 2 * gates * HIDDEN, seed=3),
    }


STARTS = {"s": None, "h": f32(1, 2, HIDDEN, seed=4)}
CELLS = {**STARTS, "c": f32(1, 2, HIDDEN, seed=5), "p": f32(1, 3 * HIDDEN, seed=6)}
LAYERS: dict[str, tuple[str, dict[str, Array | None], dict[str, Any]]] = {
    "a plain layer": ("RNN", _weights(1) | STARTS, {}),
    "both ways": ("RNN", _weights(1, 2), {"direction": "bidirectional"}),
    "gates backwards": ("GRU", _weights(3) | STARTS, {"direction": "reverse"}),
    "gates behind the product": ("GRU", _weights(3, 2), {
        "linear_before_reset": 1, "direction": "bidirectional"}),
    "cells that gates see": ("LSTM", _weights(4) | CELLS, {"outputs": 3}),
    "cells backwards": ("LSTM", _weights(4), {"outputs": 3, "direction": "reverse"}),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_gives_the_numbers_of_onnx_runtime(name: str, tmp_path: Path):
    op, inputs, options = LAYERS[name]
    case = Case(tmp_path, op, inputs, **{"outputs": 2, "hidden_size": HIDDEN, **options})
    assert_same(case.ours(), case.reference())


REFUSED: dict[str, tuple[str, dict[str, Array | None], dict[str, Any], str]] = {
    "other activations": (
        *("GRU", _weights(3), {"activations": ["Tanh", "Tanh"]}),
        "activations other than the usual ones is not supported",
    ),
    "lengths that data says": (
        *("RNN", _weights(1) | {"s": i32(4, 4)}, {}),
        "the lengths of sequences depend on data",
    ),
    "shorter sequences": (
        *("RNN", _weights(1) | {"s": i32(3, 3)}, {"constants": ("s",)}),
        "the lengths of sequences are not all steps",
    ),
    "weights of another layer": ("GRU", _weights(4), {}, "the shape of R is"),
    "many steps": ("RNN", _weights(1) | {"x": f32(33, 1, 5)}, {}, "33 steps are not supported"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_supported_is_refused(name: str, tmp_path: Path):
    op, inputs, options, message = REFUSED[name]
    assert_refused(tmp_path, op, inputs, {"hidden_size": HIDDEN, **options}, message)
