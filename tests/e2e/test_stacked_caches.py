"""Caches that hold keys and values of a layer, or of all layers, in one tensor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

import lpuc
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from tests.e2e.single import f32, i64

LAYERS, HEADS, SIZE, IDS, CONTEXT = 2, 2, 4, 16, 12
WIDTH = HEADS * SIZE

HEAD = "x0 = Gather<axis=0>(words, input_ids)"
QKV = """
    qkv{0} = MatMul(x{0}, w{0})
    parts{0} = Reshape(qkv{0}, split)
    turned{0} = Transpose<perm=[2,0,3,1,4]>(parts{0})
    q{0}, k{0}, v{0} = Split<axis=0, num_outputs=3>(turned{0})
    query{0} = Squeeze(q{0}, i0)  newk{0} = Squeeze(k{0}, i0)  newv{0} = Squeeze(v{0}, i0)
"""
ATTENTION = """
    keys{0} = Concat<axis=2>(pastk{0}, newk{0})
    values{0} = Concat<axis=2>(pastv{0}, newv{0})
    t{0} = Transpose<perm=[0,1,3,2]>(keys{0})
    raw{0} = MatMul(query{0}, t{0})  p{0} = Softmax<axis=-1>(raw{0})
    a{0} = MatMul(p{0}, values{0})
    b{0} = Transpose<perm=[0,2,1,3]>(a{0})  c{0} = Reshape(b{0}, merged)
    x{1} = Add(x{0}, c{0})
"""
TAIL = "logits = MatMul(x{0}, head)"

GATHERED = """
    pastk{0} = Gather<axis=0>(past_{0}, zero)  pastv{0} = Gather<axis=0>(past_{0}, one)
"""
SPLIT = """
    sk{0}, sv{0} = Split<axis=0, num_outputs=2>(past_{0})
    pastk{0} = Squeeze(sk{0}, i0)  pastv{0} = Squeeze(sv{0}, i0)
"""
STACKED = """
    ek{0} = Unsqueeze(keys{0}, i0)  ev{0} = Unsqueeze(values{0}, i0)
    present_{0} = Concat<axis=0>(ek{0}, ev{0})
"""
SWAPPED = STACKED.replace("(ek{0}, ev{0})", "(ev{0}, ek{0})")
FUSED = """
    y{0}, present_{0} = com.microsoft.Attention<num_heads=2,unidirectional=1>
        (x{0}, w{0}, bias, , past_{0})
    x{1} = Add(x{0}, y{0})
"""
OF_LAYER = """
    pair{0} = Gather<axis=0>(past, l{0})
    pastk{0} = Gather<axis=0>(pair{0}, zero)  pastv{0} = Gather<axis=0>(pair{0}, one)
"""
PAIR = STACKED + "    all{0} = Unsqueeze(present_{0}, i0)\n"
ALL = "present = Concat<axis=0>(all0, all1)"

HELD = {
    "words": f32(IDS, WIDTH), "head": f32(WIDTH, IDS, seed=1),
    "w0": f32(WIDTH, 3 * WIDTH, seed=2) * 0.3, "w1": f32(WIDTH, 3 * WIDTH, seed=3) * 0.3,
    "bias": np.zeros(3 * WIDTH, np.float32), "i0": i64(0),
    "split": i64(0, 0, 3, HEADS, SIZE), "merged": i64(0, 0, WIDTH),
    "zero": np.array(0), "one": np.array(1), "l0": np.array(0), "l1": np.array(1),
}  # fmt: skip


def _model(body: str, pasts: Sequence[str], presents: Sequence[str], lead: Sequence[int]):
    lines = body.replace(")  ", ")\n").replace(">\n        (", "> (").splitlines()
    text = "\n".join(line.strip() for line in lines if line.strip())
    nodes = parser.parse_graph(f"g () => () {{\n{text}\n}}").node
    for number, node in enumerate(nodes):
        node.name = f"{node.op_type}_{number}"
    dims = [*lead, "batch", HEADS, "past_length", SIZE]
    new = "seq" if "unidirectional" in body else 1
    takes = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", new])]
    takes += [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name in pasts]
    kind = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    gives = [helper.make_value_info(name, kind) for name in ("logits", *presents)]
    used = {name for node in nodes for name in node.input}
    held = [numpy_helper.from_array(a, name) for name, a in HELD.items() if name in used]
    graph = helper.make_graph(list(nodes), "stacked", takes, gives, held)
    domains = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=domains, ir_version=10)


def of_layers(taken: str, given: str = STACKED) -> onnx.ModelProto:
    """A cache for each layer; `taken` and `given` say how it is read and put together."""
    body = [HEAD]
    for layer in range(LAYERS):
        step = taken if taken == FUSED else QKV + taken + ATTENTION + given
        body.append(step.format(layer, layer + 1))
    names = [[f"{kind}_{layer}" for layer in range(LAYERS)] for kind in ("past", "present")]
    return _model("\n".join([*body, TAIL.format(LAYERS)]), *names, [2])


def of_all() -> onnx.ModelProto:
    """One cache for all layers."""
    body = [HEAD]
    body += [(QKV + OF_LAYER + ATTENTION + PAIR).format(i, i + 1) for i in range(LAYERS)]
    return _model("\n".join([*body, ALL, TAIL.format(LAYERS)]), ["past"], ["present"], [LAYERS, 2])


def _path(model: onnx.ModelProto, folder: Path) -> Path:
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


MODELS = {
    "split": lambda: of_layers(SPLIT),
    "fused": lambda: of_layers(FUSED), "all layers": of_all,
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_stacked_cache_stays_on_the_device(name: str, tmp_path: Path):
    path = _path(MODELS[name](), tmp_path)
    devices = 2 if name in ("split", "all layers") else 1
    found = lpuc.verify(path, precision="f32", max_context=CONTEXT, devices=devices)
    assert found.is_right
    assert "generate greedy" in found.cases
    assert ("a chunk" in found.cases) == (name == "fused")


def test_in_f16_too(tmp_path: Path):
    found = lpuc.verify(_path(of_layers(GATHERED), tmp_path), max_context=CONTEXT)
    assert found.is_right
    assert "generate greedy" in found.cases


@pytest.mark.parametrize("precision", ["f32", "f16"])
def test_in_f16_between_casts_at_the_border(precision: str, tmp_path: Path):
    """As converters to f16 leave a model whose inputs and outputs are to stay f32."""
    float16 = pytest.importorskip("onnxruntime.transformers.float16")
    path = _path(float16.convert_float_to_float16(of_layers(SPLIT), keep_io_types=True), tmp_path)
    found = lpuc.verify(path, precision=precision, max_context=CONTEXT)
    assert found.is_right
    assert "generate greedy" in found.cases


TWICE = GATHERED.replace("(past_{0}, one)", "(past_{0}, zero)")
MISSES = {
    "another order": (GATHERED, SWAPPED),
    "one block twice": (TWICE, STACKED),
    "another reader": (GATHERED, STACKED + "    z{0} = ReduceSum<keepdims=0>(past_{0})\n"),
}


@pytest.mark.parametrize("name", MISSES)
def test_what_is_no_stack_is_no_state(name: str, tmp_path: Path):
    model = of_layers(*MISSES[name])
    if name == "another reader":
        model.graph.output.append(helper.make_tensor_value_info("z0", TensorProto.FLOAT, []))
    path = _path(model, tmp_path)
    compiled = compile_model(path, CompileOptions(max_context=CONTEXT))
    assert any("'past_0' does not stay on the device" in words for _, words in compiled.remarks)
    assert name != "another order" or lpuc.verify(path, max_context=CONTEXT).is_right
