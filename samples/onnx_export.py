"""
Export a decoder of `transformers` to one ONNX file with cache inputs, and check it.

Inputs: `input_ids`, `attention_mask`, `position_ids` (unless the architecture computes positions
from the mask) and `past_key_values.{i}.key/value`; outputs: `logits`, `present.{i}.key/value`.
Dimensions: `batch`, `seq` new tokens, `past` cached tokens, `total` of both.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from transformers import DynamicCache, PreTrainedModel

TOKENS = ("input_ids", "attention_mask", "position_ids")
TOKEN_DIMS = ({0: "batch", 1: "seq"}, {0: "batch", 1: "total"}, {0: "batch", 1: "seq"})
CACHE_DIMS = {0: "batch", 2: "past"}
CHECKED = ((1, 0), (1, 9), (3, 6))  # (new tokens, cached tokens)
TOLERANCE = 1e-4

Cache = list[tuple[torch.Tensor, torch.Tensor]]
Arguments = tuple[tuple[torch.Tensor, ...], Cache]


class CachedDecoder(torch.nn.Module):
    """The model as a function of tensors: tokens and old cache to logits and new cache."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: tuple[torch.Tensor, ...], past: Cache) -> tuple[torch.Tensor, Cache]:
        """Run the new tokens; the new cache holds the old and the new positions."""
        cache = DynamicCache(config=self.model.config)
        for layer, (key, value) in enumerate(past):
            cache.update(key, value, layer)
        named = dict(zip(TOKENS, tokens, strict=False))
        logits = self.model(**named, past_key_values=cache, use_cache=True).logits
        return logits, [(layer.keys, layer.values) for layer in cache.layers]


def arguments(
    model: PreTrainedModel, new: int, past: int, batch: int = 2, positions: bool = True
) -> Arguments:
    """Random tokens and a random cache of this size; with six cached tokens or more, a mask."""
    config = model.config
    random = torch.Generator().manual_seed(100 * new + past)
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    shape = (batch, heads, past, config.hidden_size // config.num_attention_heads)
    layers = range(config.num_hidden_layers)
    mask = torch.ones(batch, past + new, dtype=torch.int64)
    if past >= 6:
        mask[0, :3] = 0
    tokens = (
        torch.randint(config.vocab_size, (batch, new), generator=random),
        mask,
        torch.arange(past, past + new).repeat(batch, 1),
    )
    cache = [tuple(torch.randn(shape, generator=random) for _ in "kv") for _ in layers]
    return tokens if positions else tokens[:2], cache


def cache_names(prefix: str, layers: int) -> list[str]:
    """The names of the keys and values of all layers."""
    return [f"{prefix}.{layer}.{part}" for layer in range(layers) for part in ("key", "value")]


def export(
    model: PreTrainedModel, path: Path, opset: int = 20, dynamo: bool = True, positions: bool = True
) -> None:
    """Write the model to `path` and check it; without `dynamo`, by the TorchScript exporter."""
    example = arguments(model, new=3, past=5, positions=positions)
    dims = TOKEN_DIMS[: len(example[0])], [(CACHE_DIMS, CACHE_DIMS)] * len(example[1])
    inputs = [*TOKENS[: len(example[0])], *cache_names("past_key_values", len(example[1]))]
    outputs = ["logits", *cache_names("present", len(example[1]))]
    axes = dict(zip(inputs, flat(dims), strict=True)) | output_axes(outputs)
    dynamic = {"dynamic_shapes": dims} if dynamo else {"dynamic_axes": axes}
    torch.onnx.export(
        CachedDecoder(model).eval(),
        example,
        str(path),
        input_names=inputs,
        output_names=outputs,
        opset_version=opset,
        dynamo=dynamo,
        external_data=False,
        verbose=False,
        **dynamic,
    )
    strip(path)
    check(model, path, positions)


def flat(nested: tuple) -> list[dict[int, str]]:
    """The leaves of nested tuples and lists."""
    if isinstance(nested, dict):
        return [nested]
    return [leaf for part in nested for leaf in flat(part)]


def output_axes(outputs: list[str]) -> dict[str, dict[int, str]]:
    """The names of the dynamic dimensions of each output."""
    axes = {name: {0: "batch", 2: "total"} for name in outputs}
    return axes | {"logits": {0: "batch", 1: "seq"}}


def strip(path: Path) -> None:
    """Drop the exporter's notes on each node, which include source paths and double the size."""
    model = onnx.load(path)
    for part in (*model.graph.node, *model.graph.value_info, model.graph):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(model, path)


def check(model: PreTrainedModel, path: Path, positions: bool = True) -> None:
    """Compare ONNX Runtime with torch on an empty and a filled cache, for batches of 1 and 2."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    for new, past in CHECKED:
        for batch in (1, 2):
            example = arguments(model, new, past, batch, positions)
            with torch.no_grad():
                expected = flat_tensors(CachedDecoder(model).eval()(*example))
            feeds = dict(zip(names, flat_tensors(example), strict=True))
            found = session.run(None, feeds)
            error = max(np.abs(a - b).max() for a, b in zip(found, expected, strict=True))
            assert error < TOLERANCE, f"{path}: error {error} for {new} new and {past} old tokens"
    print(f"{path.name}: {path.stat().st_size} bytes, equal to torch for {CHECKED}")


def flat_tensors(nested: tuple | list | torch.Tensor) -> list[np.ndarray]:
    """The tensors of nested tuples and lists as arrays."""
    if isinstance(nested, torch.Tensor):
        return [nested.numpy()]
    return [leaf for part in nested for leaf in flat_tensors(part)]
