"""Figures of compilers that this benchmark does not run, and goals that were set from them."""

ORIGIN = "seen on another 2-core machine, not in this run"

IREE_COMPILE = {12: "3.8 s, 174 MB", 96: "25 s, 431 MB"}
"""By layers: GPT-2-small f32, import and weights by reference."""

IREE_SECONDS = {12: 3.8, 96: 25.0}
IREE_PEAK = {12: 174, 96: 431}
"""In MB."""

STEPS = {"OpenVINO": "77 ms", "IREE": "118-167 ms", "onnx ReferenceEvaluator": "67 ms"}
"""One token with 1024 in the cache, one thread."""
