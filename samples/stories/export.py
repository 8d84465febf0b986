"""
Export the trained decoder to ONNX, check it, and tell stories with it.

`python -m samples.stories.export BUILD/model.pt` writes `model.onnx` here, compares it with torch,
and prints the greedy completion of each prompt by ONNX Runtime.
"""

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer

from samples.onnx_export import export
from samples.stories.model import CONTEXT, EOS_ID, load

HERE = Path(__file__).parent
PROMPTS = (
    "Once upon a time, there was a little fox",
    "Once upon a time, there was a little fox named Wren who lived by the sea. Wren had",
    "Long ago, a lonely lamb named Gus",
    "One cold day, a tiny hen named Ivy sat near the window. She lived on a small island. Ivy was",
    "Tom the cat was sad. One rainy day, he lost his yellow kite",
)


def complete(session: onnxruntime.InferenceSession, ids: list[int], limit: int) -> list[int]:
    """Append the most likely token to `ids` until the end token or `limit` tokens."""
    cache = {
        value.name: np.zeros((1, value.shape[1], 0, value.shape[3]), np.float32)
        for value in session.get_inputs()
        if value.name.startswith("past_key_values")
    }
    ids, done = list(ids), 0
    while len(ids) < limit and ids[-1] != EOS_ID:
        tokens = {
            "input_ids": np.array([ids[done:]]),
            "attention_mask": np.ones((1, len(ids)), np.int64),
            "position_ids": np.arange(done, len(ids))[None],
        }
        logits, *present = session.run(None, tokens | cache)
        cache = dict(zip(cache, present, strict=True))
        done = len(ids)
        ids.append(int(logits[0, -1].argmax()))
    return ids


def main() -> None:
    """Export, check, and print one story for each prompt."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--opset", type=int, default=20)
    parser.add_argument("--output", type=Path, default=HERE / "model.onnx")
    options = parser.parse_args()
    torch.set_num_threads(1)
    export(load(options.checkpoint), options.output, opset=options.opset)
    session = onnxruntime.InferenceSession(options.output, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    for prompt in PROMPTS:
        ids = complete(session, tokenizer.encode(prompt).ids, CONTEXT)
        print(f"\n{prompt!r}:\n{tokenizer.decode(ids)}")


if __name__ == "__main__":
    main()
