"""
Write tiny decoders with random weights as the exporters of PyTorch write them.

`python -m samples.exports.make` writes all files of this folder.
"""

from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    OPTConfig,
    PreTrainedConfig,
    Qwen2Config,
)

from samples.onnx_export import export

HERE = Path(__file__).parent
VOCABULARY = 96
CONTEXT = 64
IDS = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": None}
GROUPED = IDS | {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "tie_word_embeddings": False,
}
CONFIGS = {
    "gpt2": GPT2Config(**IDS, n_embd=32, n_layer=2, n_head=4, n_positions=CONTEXT),
    "opt": OPTConfig(
        **IDS,
        hidden_size=32,
        word_embed_proj_dim=32,
        ffn_dim=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
    ),
    "llama": LlamaConfig(**GROUPED),
    "qwen2": Qwen2Config(**GROUPED),
}
WITHOUT_POSITIONS = {"opt"}  # computes them from the attention mask


def decoder(config: PreTrainedConfig) -> torch.nn.Module:
    """A model whose weights are large enough that no part of it can be left out unnoticed."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    return model


def main() -> None:
    """Export each configuration, and OPT also by the older exporter."""
    torch.set_num_threads(1)
    for name, config in CONFIGS.items():
        positions = name not in WITHOUT_POSITIONS
        export(decoder(config), HERE / f"{name}.onnx", positions=positions)
    torchscript = HERE / "opt_torchscript.onnx"
    export(decoder(CONFIGS["opt"]), torchscript, opset=18, dynamo=False, positions=False)


if __name__ == "__main__":
    main()
