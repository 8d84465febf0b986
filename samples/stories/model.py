"""The decoder of the stories sample: its size, and the module that training and export share."""

from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

CONTEXT = 512
VOCABULARY = 1536
BOS, EOS = "<s>", "</s>"
BOS_ID, EOS_ID = 0, 1


def config() -> LlamaConfig:
    """About 1.6 million parameters; embedding and output projection are one matrix."""
    return LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=192,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=3,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=BOS_ID,
        eos_token_id=EOS_ID,
        pad_token_id=None,
    )


def build() -> LlamaForCausalLM:
    """A model with random weights."""
    return LlamaForCausalLM(config())


def load(checkpoint: Path) -> LlamaForCausalLM:
    """The trained model, in evaluation mode."""
    model = build()
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    return model.eval()
