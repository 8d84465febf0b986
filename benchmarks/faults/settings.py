"""
The models that faults are judged on, and the calls that are made of them.

Each setting is one model compiled in one way: four exported decoders, one of them in f16, one for a
ring of two devices, one for several tokens of a batch. What ONNX Runtime makes of the calls is
computed once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from benchmarks.decoder_inputs import Call, call_inputs, decoder_ports, vocabulary
from benchmarks.faults.planting import ROOT

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]

EXPORTS = ROOT / "samples/exports"
CONTEXT = 24
CALLS = 200
PROMPTS = ((1, 5, 9), (90, 2, 2, 41, 7))
NEW_TOKENS = 12
SURE = 1e-4
"""By how much a logit must lead for its token to count; for f16 a hundred times that."""


@dataclass(frozen=True)
class Setting:
    """One model, compiled in one way."""

    name: str
    export: str
    precision: str = "f32"
    new: int = 1
    batch: int = 1
    devices: int = 1

    @property
    def model(self) -> Path:
        """The file of the model."""
        return EXPORTS / f"{self.export}.onnx"

    @property
    def options(self) -> dict[str, Any]:
        """The options of the compiler, by name."""
        return {
            "precision": self.precision,
            "max_context": CONTEXT,
            "shape": {"seq": self.new, "batch": self.batch},
            "devices": self.devices,
        }

    @property
    def generates(self) -> bool:
        """Whether a program can generate: one token a call, one text."""
        return self.new == self.batch == 1


SETTINGS = (
    Setting("llama", "llama"),
    Setting("gpt2", "gpt2"),
    Setting("qwen2-batch", "qwen2", new=3, batch=2),
    Setting("opt-f16", "opt", precision="f16"),
    Setting("llama-ring", "llama", devices=2),
)


def controls() -> Iterator[Setting]:
    """Every export in every precision, one token and several of a batch, one device and two."""
    for export in sorted(path.stem for path in EXPORTS.glob("*.onnx")):
        for precision, (new, batch), devices in product(
            ("f32", "f16", "bf16"), ((1, 1), (3, 2)), (1, 2)
        ):
            name = f"{export}-{precision}-{new}x{batch}-{devices}"
            yield Setting(name, export, precision, new, batch, devices)


@dataclass
class Answers:
    """What ONNX Runtime makes of the calls of a setting."""

    calls: list[Arrays] = field(default_factory=list[Arrays])
    expected: list[Arrays] = field(default_factory=list[Arrays])
    tokens: list[list[int]] = field(default_factory=list[list[int]])
    """The greedy tokens behind each prompt, as far as they are sure."""


def _session(model: Path) -> Any:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.log_severity_level = 4
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(model), settings, ["CPUExecutionProvider"])


def _drawn(setting: Setting, random: Random) -> Call:
    """A call: empty, full and other caches, masks of all kinds, positions moved now and then."""
    most = CONTEXT - setting.new
    past = random.choice((0, most, *(random.randint(0, most) for _ in range(8))))
    mask = random.choices(("ones", "left", "random", "alone"), (4, 2, 3, 1))[0]
    call = Call(setting.batch, setting.new, past, mask)
    if call.is_blind:
        call = Call(setting.batch, setting.new, past)
    shift = random.randint(1, 7) if random.random() < 0.25 else 0
    return Call(call.batch, call.new, call.past, call.mask, shift)


def answers(setting: Setting, count: int = CALLS) -> Answers:
    """The calls of a setting, and what ONNX Runtime makes of them."""
    session = _session(setting.model)
    ports, ids = decoder_ports(session), vocabulary(session)
    names = [output.name for output in session.get_outputs()]
    random, rng = Random(f"calls of {setting.name}"), np.random.default_rng(len(setting.name))
    found = Answers()
    for _ in range(count):
        inputs = call_inputs(ports, _drawn(setting, random), rng, ids)
        found.calls.append(inputs)
        found.expected.append(dict(zip(names, session.run(names, inputs), strict=True)))
    if setting.generates:
        sure = SURE if setting.precision == "f32" else 100 * SURE
        found.tokens = [_greedy(session, ports, list(prompt), sure) for prompt in PROMPTS]
    return found


def _greedy(session: Any, ports: Any, prompt: list[int], sure: float) -> list[int]:
    """The greedy tokens behind a prompt, up to the first that barely leads."""
    names = [output.name for output in session.get_outputs()]
    caches = [port for port in ports if port.role == "past"]
    past = {p.name: np.zeros((1, p.heads, 0, p.lanes), p.dtype) for p in caches}
    pending, tokens = list(prompt), list[int]()
    for at in range(len(prompt) + NEW_TOKENS - 1):
        feeds = dict(past)
        for port in ports:
            if port.role == "ids":
                feeds[port.name] = np.array([[pending[at]]], port.dtype)
            elif port.role == "mask":
                feeds[port.name] = np.ones((1, at + 1), port.dtype)
            elif port.role == "positions":
                feeds[port.name] = np.array([[at]], port.dtype)
        logits, *present = session.run(names, feeds)
        past = dict(zip([p.name for p in caches], present, strict=True))
        if at < len(prompt) - 1:
            continue
        first, second = np.sort(logits[0, -1])[[-1, -2]]
        if first - second < sure:
            break
        tokens.append(int(np.argmax(logits[0, -1])))
        pending.append(tokens[-1])
    return tokens


def apart(got: Arrays, expected: Arrays) -> float:
    """How far outputs are off: absolute up to 1, relative above; infinite where they misfit."""
    if got.keys() != expected.keys():
        return float("inf")
    return max((_apart(got[name], expected[name]) for name in expected), default=0.0)


def _apart(got: Array, expected: Array) -> float:
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return float("inf")
    a, b = got.astype(np.float64), expected.astype(np.float64)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return 0.0 if np.array_equal(a, b, equal_nan=True) else float("inf")
    return float((np.abs(a - b) / np.maximum(np.abs(b), 1.0)).max(initial=0.0))
