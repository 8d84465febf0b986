"""A small decoder, compiled once, and inputs for one call of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lpuc.cli import invoke

MODEL = Path(__file__).parents[3] / "samples/exports/gpt2.onnx"


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "gpt2.lpu"
    assert invoke(["compile", str(MODEL), "-o", str(path), "--max-context", "32"]) == 0
    return path


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """One token behind three."""
    arrays = {
        "input_ids": np.array([[5]]),
        "attention_mask": np.ones((1, 4), np.int64),
        "position_ids": np.array([[3]]),
    }
    for layer in range(2):
        for kind in ("key", "value"):
            arrays[f"past_key_values.{layer}.{kind}"] = np.ones((1, 4, 3, 8), np.float32)
    np.savez(tmp_path / "in.npz", **arrays)
    return tmp_path / "in.npz"
