"""Convolutions and pooling through the whole compiler, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.single import Array, Case, assert_refused, assert_same, f32

LINE, IMAGE = f32(2, 3, 7), f32(1, 4, 5, 6)

AGAINST_RUNTIME: dict[str, tuple[str, dict[str, Array], dict[str, Any]]] = {
    "a kernel for each channel": (
        "Conv",
        {"x": LINE, "w": f32(3, 1, 4, seed=1), "b": f32(3)},
        {"group": 3, "pads": [3, 0], "constants": ("w", "b")},
    ),
    "one place alone": ("Conv", {"x": f32(1, 3, 4), "w": f32(3, 1, 4)}, {"group": 3}),
    "two kernels for each channel": ("Conv", {"x": LINE, "w": f32(6, 1, 2)}, {"group": 3}),
    "groups, strides and dilations": (
        "Conv",
        {"x": IMAGE, "w": f32(6, 2, 2, 3), "b": f32(6)},
        {"group": 2, "strides": [2, 1], "dilations": [1, 2], "pads": [0, 1, 1, 2]},
    ),
    "windows without gaps": ("Conv", {"x": IMAGE, "w": f32(2, 4, 2, 3)}, {"strides": [2, 3]}),
    "fewer places than taps": ("Conv", {"x": f32(1, 2, 9), "w": f32(3, 2, 8)}, {}),
    "as many places, more padding behind": (
        "Conv",
        {"x": IMAGE, "w": f32(2, 4, 2, 4)},
        {"auto_pad": "SAME_UPPER", "strides": [2, 1]},
    ),
    "as many places, more padding before": (
        "Conv",
        {"x": IMAGE, "w": f32(2, 4, 2, 4)},
        {"auto_pad": "SAME_LOWER", "strides": [1, 2]},
    ),
    "three axes": ("Conv", {"x": f32(1, 2, 3, 4, 3), "w": f32(2, 2, 2, 1, 3)}, {}),
    "a transposed kernel": (
        "ConvTranspose",
        {"x": f32(1, 4, 3, 2), "w": f32(4, 3, 3, 2), "b": f32(6)},
        {"group": 2, "strides": [2, 3], "pads": [1, 0, 0, 1], "output_padding": [1, 2]},
    ),
    "a transposed kernel that is dilated": (
        "ConvTranspose",
        {"x": LINE, "w": f32(3, 2, 3)},
        {"dilations": [2], "pads": [5, 1]},
    ),
    "a transposed kernel that covers an extent": (
        "ConvTranspose",
        {"x": IMAGE, "w": f32(4, 2, 3, 3)},
        {"strides": [2, 2], "output_shape": [9, 12], "auto_pad": "SAME_LOWER"},
    ),
    "the largest, and where": (
        "MaxPool",
        {"x": IMAGE},
        {"kernel_shape": [3, 2], "pads": [1, 0, 2, 1], "outputs": 2, "strides": [2, 2]},
    ),
    "the first of the largest, by columns": (
        "MaxPool",
        {"x": np.round(f32(2, 2, 4, 5))},
        {"kernel_shape": [2, 3], "storage_order": 1, "outputs": 2, "dilations": [2, 1]},
    ),
    "windows that reach beyond the end": (
        "MaxPool",
        {"x": f32(1, 1, 6, 7)},
        {"kernel_shape": [3, 3], "strides": [2, 3], "ceil_mode": 1},
    ),
    "no window that starts behind the end": (
        "MaxPool",
        {"x": f32(1, 1, 3)},
        {"kernel_shape": [2], "strides": [3], "pads": [0, 1], "ceil_mode": 1},
    ),
    "means of elements alone": (
        "AveragePool",
        {"x": IMAGE},
        {"kernel_shape": [3, 3], "strides": [2, 3], "pads": [1, 1, 1, 1], "ceil_mode": 1},
    ),
    "means of elements and pads": (
        "AveragePool",
        {"x": IMAGE},
        {
            **{"kernel_shape": [3, 3], "strides": [2, 3], "pads": [1, 1, 1, 1], "ceil_mode": 1},
            "count_include_pad": 1,
        },
    ),
    "norms": ("LpPool", {"x": LINE}, {"kernel_shape": [3], "p": 3, "pads": [1, 0]}),
    "a norm of all": ("GlobalLpPool", {"x": IMAGE}, {"p": 2, "opset": 12}),
    "responses of neighbours": (
        "LRN",
        {"x": f32(1, 6, 2, 2)},
        {"size": 5, "alpha": 0.5, "beta": 0.75, "bias": 1.5},
    ),
}


@pytest.mark.parametrize("name", AGAINST_RUNTIME)
def test_what_slides_gives_the_numbers_of_onnx_runtime(name: str, tmp_path: Path):
    op, inputs, options = AGAINST_RUNTIME[name]
    case = Case(tmp_path, op, inputs, **options)
    assert_same(case.ours(), case.reference())


REFUSED: dict[str, tuple[str, dict[str, Array], dict[str, Any], str]] = {
    "a kernel of another extent": (
        *("Conv", {"x": LINE, "w": f32(3, 3, 2)}, {"kernel_shape": [3]}),
        r"kernel_shape \[3\] is not that of the weights",
    ),
    "channels that make no groups": (
        *("Conv", {"x": f32(1, 3, 4), "w": f32(2, 1, 2)}, {"group": 2}),
        "3 channels do not make 2 groups",
    ),
    "weights of too few channels": (
        *("Conv", {"x": LINE, "w": f32(3, 2, 2)}, {}),
        "channels of the weights is 2, expected 3",
    ),
    "a bias of another extent": (
        *("Conv", {"x": LINE, "w": f32(3, 3, 2), "b": f32(1)}, {}),
        r"'b'|'B' is \[1\], expected \[3\]",
    ),
    "a window that does not fit": (
        *("Conv", {"x": LINE, "w": f32(1, 3, 5)}, {"dilations": [2]}),
        "a window of 9 on an axis of 7",
    ),
    "too many pieces": (
        *("Conv", {"x": f32(1, 1, 200), "w": f32(1, 1, 65)}, {}),
        "an axis with 65 taps at 136 places is not supported",
    ),
    "more than a stride leaves room for": (
        *("ConvTranspose", {"x": LINE, "w": f32(3, 1, 2)}, {"output_padding": [1]}),
        "more elements than its stride leaves room for",
    ),
    "an extent that a transposed kernel does not cover": (
        *(
            "ConvTranspose",
            {"x": LINE, "w": f32(3, 1, 1)},
            {"strides": [2], "auto_pad": "SAME_UPPER"},
        ),
        "more elements than its stride leaves room for",
    ),
    "pads as wide as the kernel": (
        *("MaxPool", {"x": LINE}, {"kernel_shape": [2], "pads": [2, 0]}),
        "pads are not smaller than the kernel",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(name: str, tmp_path: Path):
    assert_refused(tmp_path, *REFUSED[name])
