"""Small decoders of one layer, as text, and the tokens that ONNX Runtime's logits choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import ModelProto, numpy_helper, parser

from tests.e2e.single import Array, f32

HEADS, SIZE, WIDTH, VOCABULARY = 4, 8, 32, 37


def written(text: str, **more: Array | np.generic) -> ModelProto:
    """The model of a text that reads `embedding`, `head`, `wq`, `wk`, `wv`, `least` and `more`."""
    weights = {
        "embedding": f32(VOCABULARY, WIDTH),
        "head": f32(WIDTH, VOCABULARY, seed=1) / 5,
        "least": np.float32(-1e9),
        **more,
    }
    for seed, name in enumerate(("wq", "wk", "wv"), 2):
        weights[name] = f32(WIDTH, WIDTH, seed=seed) / 5
    model = parser.parse_model(text)
    tensors = [numpy_helper.from_array(np.asarray(v), name) for name, v in weights.items()]
    model.graph.initializer.extend(tensors)
    return model


def chosen(
    path: Path,
    cache: Mapping[str, Array],
    given: Callable[[int], Mapping[str, Array]],
    prompt: list[int],
    count: int,
) -> list[int]:
    """
    New tokens behind a prompt, each the most likely one of the logits behind those before it.

    `cache` is what the first token finds, in the order in which a step gives it behind the logits,
    `given` what a step takes besides, by how many tokens are before it.
    """
    judge, tokens = onnxruntime.InferenceSession(path), list(prompt)
    for past in range(len(prompt) + count - 1):
        inputs = {**given(past), **cache, "input_ids": np.array([[tokens[past]]])}
        logits, *left = judge.run(None, inputs)
        cache = dict(zip(cache, left, strict=True))
        if past + 1 >= len(prompt):
            tokens.append(int(logits[0, 0].argmax()))
    return tokens[len(prompt) :]
