"""
Prompts are taken in chunks only by decoders whose tokens see themselves and what came before.

ONNX Runtime says which do: it runs tokens one by one, and all of them at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, numpy_helper, parser
from xdsl.dialects.builtin import ModuleOp, StringAttr

from lpuc.compiler.driver import compile_model, load_module, lower
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.levels.onnx_runtime import Arrays, Reference
from passes.analysis.functions import functions, step_function
from runtime.generation.device import Request
from runtime.generation.prompt import Chunks
from runtime.generation.tokens import generate
from runtime.run.interpreter import Interpreter
from tests.e2e.single import Array, f32, i64

IDS, HEADS, SIZE, CONTEXT = 16, 2, 4, 16
WIDTH = HEADS * SIZE
CHUNK, PROMPT = 4, 7

HEAD = """
    s4 = Shape(input_ids)  s = Slice(s4, i1, i2, i0)
    p4 = Shape(pastk0)  p = Slice(p4, i2, i3, i0)  t = Add(p, s)
    s0 = Squeeze(s, i0)  p0 = Squeeze(p, i0)  t0 = Squeeze(t, i0)
    rows = Range(p0, t0, one)  keys = Range(zero, t0, one)
    row = Unsqueeze(rows, i1)  key = Unsqueeze(keys, i0)  near = Range(zero, s0, one)
    order = Unsqueeze(near, i1)
    x0 = Gather<axis=0>(words, input_ids)
"""
LAYER = """
    qkv{0} = MatMul(y{0}, w{0})  parts{0} = Reshape(qkv{0}, split)
    turned{0} = Transpose<perm=[2,0,3,1,4]>(parts{0})
    q{0}, k{0}, v{0} = Split<axis=0, num_outputs=3>(turned{0})
    query{0} = Squeeze(q{0}, i0)  newk{0} = Squeeze(k{0}, i0)  newv{0} = Squeeze(v{0}, i0)
    presentk{0} = Concat<axis=2>(pastk{0}, newk{0})
    presentv{0} = Concat<axis=2>(pastv{0}, newv{0})
    {2}
    flip{0} = Transpose<perm=[0,1,3,2]>(k_read{0})  raw{0} = MatMul(query{0}, flip{0})
    {1}
    {4}
    a{0} = MatMul(chance{0}, v_read{0})
    b{0} = Transpose<perm=[0,2,1,3]>(a{0})  c{0} = Reshape(b{0}, merged)
    x{3} = Add(x{0}, c{0})
"""
ALL = "k_read{0} = Identity(presentk{0})  v_read{0} = Identity(presentv{0})"
NEW = "k_read{0} = Identity(newk{0})  v_read{0} = Identity(newv{0})"
OLD = "k_read{0} = Identity(pastk{0})  v_read{0} = Identity(pastv{0})"
SEEN = "seen = LessOrEqual(key, row)"
MASKED = "scores{0} = Where(seen, raw{0}, low)"
PLAIN = "y{0} = Identity(x{0})"


SOFTMAX = "chance{0} = Softmax<axis=-1>(scores{0})"
SPELLED = (
    "e{0} = Exp(scores{0})  sum_{0} = ReduceSum<keepdims=1>(e{0}, last)"
    "  chance{0} = Div(e{0}, sum_{0})"
)
ALONE = "chance{0} = Tanh(scores{0})"


def model(
    mask: str = "", scores: str = MASKED, read: str = ALL, inner: str = PLAIN, form: str = SOFTMAX
) -> ModelProto:
    """Two layers: the second keeps what the first lets tokens see."""
    body = LAYER.replace("{1}", scores).replace("{2}", read).replace("{4}", form)
    layers = [f"{inner}\n{body}".format(n, "", "", n + 1) for n in (0, 1)]
    caches = [f"past{kv}{n}" for n in (0, 1) for kv in "kv"]
    taken = ", ".join(f"float[1,{HEADS},past,{SIZE}] {name}" for name in caches)
    given = ", ".join(f"float[1,{HEADS},total,{SIZE}] present{name[4:]}" for name in caches)
    body = "\n".join([HEAD, mask, *layers, "logits = MatMul(x2, head)"])
    text = (
        f'<ir_version: 10, opset_import: ["" : 18]> decoder (int64[1,seq] input_ids, {taken}) '
        f"=> (float[1,seq,{IDS}] logits, {given}) {{ {body} }}"
    )
    made = parser.parse_model(text)
    made.graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in weights().items())
    return made


def weights() -> Mapping[str, Array]:
    table = np.tril(np.ones((CONTEXT, CONTEXT), np.bool_))
    return {
        **{f"i{n}": i64(n) for n in range(4)},
        "zero": np.array(0), "one": np.array(1), "two": np.array(2), "five": np.array(5),
        "half": np.array(0.5, np.float32), "soft": np.array(-1, np.float32),
        "low": np.array(-np.inf, np.float32), "least": np.array(-1e4, np.float32),
        "nought": np.array(0, np.float32),
        "split": i64(1, -1, 3, HEADS, SIZE), "merged": i64(1, -1, WIDTH), "last": i64(-1),
        "words": f32(IDS, WIDTH), "head": f32(WIDTH, IDS, seed=9),
        "w0": f32(WIDTH, 3 * WIDTH, seed=1), "w1": f32(WIDTH, 3 * WIDTH, seed=2),
        "table": table, "upside": table.T.copy(), "places": f32(CONTEXT, WIDTH, seed=3),
        "slopes": f32(HEADS, 1, 1, seed=4), "axis1": i64(1),
        "pads": np.zeros((1, 1, WIDTH), np.float32),
    }  # fmt: skip


BIAS = "seen = LessOrEqual(key, row)  bias = Where(seen, nought, {})"
ADDED = "scores{0} = Add(raw{0}, bias)"
WINDOW = "first = Sub(row, two)  inside = Greater(key, first)"
TAKEN = "seen = Slice({}, p, t, i0)"
ROWS = "whole = Slice({}, p, t, i0)  seen = Slice(whole, i0, t, i1)"

KEPT = SEEN + "  kept = Cast<to=1>(seen)"
CAUSAL = {
    "a softmax spelled out": {"mask": SEEN, "form": SPELLED},
    "weights without a softmax": {
        "mask": KEPT, "scores": "scores{0} = Mul(raw{0}, kept)", "form": ALONE
    },
    "by comparison": {"mask": SEEN},
    "added": {"mask": BIAS.format("low"), "scores": ADDED},
    "added, finite": {"mask": BIAS.format("least"), "scores": ADDED},
    "multiplied": {
        "mask": SEEN + "  kept = Cast<to=1>(seen)  ones = Sub(onef, kept)  bias = Mul(ones, least)",
        "scores": "r{0} = Mul(raw{0}, kept)  scores{0} = Add(r{0}, bias)",
    },
    "scaled behind the mask": {
        "mask": BIAS.format("least"),
        "scores": "sum{0} = Add(raw{0}, bias)  scores{0} = Mul(sum{0}, half)",
    },
    "of a table": {"mask": ROWS.format("table")},
    "a window": {
        "mask": f"{SEEN.replace('seen', 'past_')}  {WINDOW}  seen = And(past_, inside)"
    },
    "slopes": {
        "mask": SEEN + "  gap = Sub(key, row)  far = Cast<to=1>(gap)  bias = Mul(slopes, far)",
        "scores": "sum{0} = Add(raw{0}, bias)  scores{0} = Where(seen, sum{0}, low)",
    },
    "places of a table": {
        "mask": SEEN + "  place = Gather<axis=0>(places, rows)",
        "inner": "y{0} = Add(x{0}, place)",
    },
    "a sink": {
        "mask": SEEN,
        "scores": "m{0} = Where(seen, raw{0}, low)  one{0} = Slice(m{0}, i0, i1, i3)"
        "  none{0} = Mul(one{0}, nought)  scores{0} = Identity(m{0})",
    },
    "past and triangle": {
        "mask": "n = Concat<axis=0>(s, p)  before = Expand(nought, n)"
        "  near_ = Unsqueeze(near, i0)  open = LessOrEqual(near_, order)"
        "  new = Where(open, nought, low)  bias = Concat<axis=1>(before, new)",
        "scores": ADDED,
    },
}  # fmt: skip
OTHERS = {
    "a softmax spelled out, softly": {
        "mask": BIAS.format("soft"), "scores": ADDED, "form": SPELLED
    },
    "weights without a softmax or a mask": {
        "scores": "scores{0} = Identity(raw{0})", "form": ALONE
    },
    "a place for how many there are": {
        "mask": SEEN + "  place = Gather<axis=0>(places, s)", "inner": "y{0} = Add(x{0}, place)"
    },
    "no mask": {"scores": "scores{0} = Identity(raw{0})"},
    "one further": {"mask": "next = Add(row, one)  seen = LessOrEqual(key, next)"},
    "what comes later": {"mask": "seen = GreaterOrEqual(key, row)"},
    "a window to both sides": {"mask": WINDOW + "  seen = Identity(inside)"},
    "a prefix to both sides": {
        "mask": "reach = Max(row, five)  seen = LessOrEqual(key, reach)"
    },
    "a soft mask": {"mask": BIAS.format("soft"), "scores": ADDED},
    "a table upside down": {"mask": ROWS.format("upside")},
    "one or the other": {
        "mask": "a_ = LessOrEqual(key, row)  b_ = Greater(key, row)  seen = Or(a_, b_)"
    },
    "what the tokens say": {
        "mask": "w_ = ReduceMax<keepdims=0>(x0, last)  col = Gather<axis=0>(w_, zero)"
        "  some = Greater(col, nought)  cut = Unsqueeze(some, i1)  none = LessOrEqual(key, row)"
        "  seen = Or(none, cut)",
    },
    "the whole prompt in front": {
        "mask": "seen = Less(key, t0)",
    },
    "a mean of tokens": {
        "mask": SEEN, "inner": "m{0} = ReduceMean<keepdims=1>(x{0}, axis1)  y{0} = Add(x{0}, m{0})"
    },
    "a running sum": {"mask": SEEN, "inner": "y{0} = CumSum(x{0}, one)"},
    "the token in front": {
        "mask": SEEN,
        "inner": "l{0} = Concat<axis=1>(pads, x{0})  o{0} = Slice(l{0}, i0, s, i1)"
        "  y{0} = Add(x{0}, o{0})",
    },
    "how many there are": {
        "mask": SEEN + "  many = Cast<to=1>(s0)", "inner": "y{0} = Div(x{0}, many)"
    },
    "how many came before": {
        "mask": SEEN + "  many = Cast<to=1>(t0)", "inner": "y{0} = Div(x{0}, many)"
    },
    "the place in the prompt": {
        "mask": SEEN + "  place = Gather<axis=0>(places, near)", "inner": "y{0} = Add(x{0}, place)"
    },
    "only one another": {
        "mask": "n_ = Unsqueeze(near, i0)  seen = LessOrEqual(n_, order)", "read": NEW
    },
}  # fmt: skip
UNSHOWN = {
    "a mask from the end": {
        "mask": "end = Sub(t0, key)  d_ = Cast<to=1>(end)  c_ = Neg(d_)"
        "  bias_ = Mul(c_, row1)  s_ = LessOrEqual(key, row)  bias = Where(s_, bias_, low)",
        "scores": ADDED,
    },
}  # fmt: skip
"""What chunks would do no harm to, as a softmax forgets what is added to all of a row."""


def made(folder: Path, parts: Mapping[str, str]) -> Path:
    proto = model(**parts)
    extra = {"onef": np.array(1, np.float32), "row1": np.array([[0.5]], np.float32)}
    proto.graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in extra.items())
    path = folder / "decoder.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def behind(reference: Reference, prompt: list[int], at_once: int) -> Arrays:
    """The caches behind a prompt, fed so many tokens at a time."""
    empty = np.zeros((1, HEADS, 0, SIZE), np.float32)
    caches: Arrays = {f"past{kv}{n}": empty for n in (0, 1) for kv in "kv"}
    for start in range(0, len(prompt), at_once):
        ids = np.array([prompt[start : start + at_once]])
        found = reference({"input_ids": ids, **caches})
        caches = {name: found[f"present{name[4:]}"] for name in caches}
    return caches


def takes_chunks(path: Path, prompt: list[int]) -> bool:
    """Whether ONNX Runtime leaves the same behind prompts, however they are fed."""
    reference = Reference(path)
    one = behind(reference, prompt, 1)
    for at_once in (2, 3, len(prompt)):
        other = behind(reference, prompt, at_once)
        if not all(np.allclose(one[name], other[name], 1e-4, 1e-4) for name in one):
            return False
    return True


def lowered(path: Path) -> ModuleOp:
    """The model at level `lpu`."""
    options = CompileOptions("lpu-4nm", "f32", CONTEXT, prompt_chunk=CHUNK)
    return lower(load_module(path, options), options, "lpu", Instrumentation())


def why_not(module: ModuleOp) -> str | None:
    """Why a model takes no chunks, None if it does."""
    reason = step_function(module).attributes.get("lpu.no_chunk")
    names = [function.sym_name.data for function in functions(module)]
    assert isinstance(reason, StringAttr) == ("prompt_chunk" not in names)
    return reason.data if isinstance(reason, StringAttr) else None


PROMPTS = [[3, 1, 4, 1, 5, 9, 2], [9, 2, 6, 5, 3, 5, 8]]


@pytest.mark.parametrize("name", [*CAUSAL, *OTHERS])
def test_chunks_are_for_tokens_that_see_what_came_before(name: str, tmp_path: Path):
    path = made(tmp_path, {**CAUSAL, **OTHERS}[name])
    may = all(takes_chunks(path, prompt) for prompt in PROMPTS)
    assert may == (name in CAUSAL), "ONNX Runtime is the judge"
    reason = why_not(lowered(path))
    assert (reason is None) == may
    assert reason is None or reason.endswith("otherwise than one by one")


@pytest.mark.parametrize("name", UNSHOWN)
def test_what_is_not_shown_takes_tokens_one_by_one(name: str, tmp_path: Path):
    path = made(tmp_path, UNSHOWN[name])
    assert takes_chunks(path, PROMPTS[0]) and why_not(lowered(path)) is not None


@pytest.mark.parametrize("name", ["past and triangle"])
def test_chunks_leave_what_tokens_leave(name: str, tmp_path: Path):
    path, found = made(tmp_path, CAUSAL[name]), list[list[int]]()
    for width in (CHUNK, 0):
        options = CompileOptions("lpu-4nm", "f32", CONTEXT, prompt_chunk=width)
        machine = Interpreter(compile_model(path, options).in_memory)
        assert (Chunks.of(machine.program) is None) == (width == 0)
        found.append(list(generate(machine, Request(PROMPTS[0], 5))))
    assert found[0] == found[1]


def test_the_node_is_named(tmp_path: Path):
    reason = why_not(lowered(made(tmp_path, OTHERS["no mask"])))
    assert reason is not None and reason.startswith("'Softmax_")
