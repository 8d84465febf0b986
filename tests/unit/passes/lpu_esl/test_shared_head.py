"""One head of keys that all heads of queries share is whole on every device, and in no budget.

Four heads of queries on two devices, one head of keys, which a cache keeps. In near misses the
weight of the keys is whole, too, and counts: 64 bytes of 320.
"""

from __future__ import annotations

import pytest
from xdsl.parser import Parser

from dialects.errors import CompileError
from dialects.verification import verify_module
from lpuc.compiler.pipeline import make_context, parse_passes
from passes.lpu_esl.partitioning.whole import holdings

ROW, KEYS = "!lpu.tensor<[1, 2], f32>", "!lpu.tensor<[1, 1, P + 1, 2], f32>"
HEADS, STATE = "!lpu.tensor<[1, 4, 1, 2], f32>", "!lpu.state<[1, 1, 8, 2], f32>"
TEXT = f"""
builtin.module attributes {{lpu.options = {{devices = 2 : i64}}}} {{
  func.func @step(%x : !lpu.tensor<[1, 8], f32>, %i : {ROW}) -> ({HEADS}, {ROW})
      attributes {{lpu.symbols = #lpu.symbols<[P in 0 to 7]>}} {{
    %c = lpu.state "c" inputs <["p" past f32 [1, 1, P, 2] at [0, 0, 0, 0]]> outputs <[]> : {STATE}
    %w = lpu.constant <file("w", 0, [8, 8], f32)> : !lpu.tensor<[8, 8], f32>
    %u = lpu.constant <file("u", 0, [8, 2], f32)> : !lpu.tensor<[8, 2], f32>
    %q = lpu.matmul %x, %w : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8, 8], f32>
        -> !lpu.tensor<[1, 8], f32>
    %k = lpu.matmul %x, %u : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[8, 2], f32> -> {ROW} loc("keys")
    %l = lpu.map "neg" %k : {ROW} -> {ROW}
    %m = lpu.reshape %l : {ROW} -> !lpu.tensor<[1, 1, 1, 2], f32>
    lpu.write %c, %m at <[0, 0, P, 0]> : {STATE}, !lpu.tensor<[1, 1, 1, 2], f32>
    %r = lpu.read %c at <[0, 0, 0, 0]> : {STATE} -> {KEYS}
    %f = lpu.slice %r at <[0, 0, 0, 0]> step <[1, 1, 1, 1]> : {KEYS}
        -> !lpu.tensor<[1, 1, 1, 2], f32>
    %g = lpu.reshape %f : !lpu.tensor<[1, 1, 1, 2], f32> -> {ROW}
    %h = lpu.reshape %q : !lpu.tensor<[1, 8], f32> -> {HEADS}
    %y = lpu.attention %h, %r, %r scale 1.0 softcap 0.0 empty "nan" : {HEADS}, {KEYS}, {KEYS}
        -> {HEADS}
    %z = lpu.map "exp" %OTHER : {ROW} -> {ROW}
    func.return %y, %z : {HEADS}, {ROW}
  }}
}}
"""
HANDED_OUT = TEXT[TEXT.index("    %f =") : TEXT.index("    %h =")]
ALONE = TEXT.replace(HANDED_OUT, "")
"""The cache is read by attention alone."""
DIRECT = ALONE.replace("lpu.attention %h, %r, %r", "lpu.attention %h, %m, %m").replace(
    f"{KEYS}, {KEYS}\n", "!lpu.tensor<[1, 1, 1, 2], f32>, !lpu.tensor<[1, 1, 1, 2], f32>\n"
)
"""Attention to a token's own keys; nothing reads the cache."""
WHOLE = ALONE.replace("attention %h", "attention %j").replace("%i :", f"%j : {HEADS}, %i :")
"""Heads of queries that every device has."""


def _partitioned(text: str) -> None:
    module = Parser(make_context(), text).parse_module()
    for one in parse_passes("lpu-esl-plan,lpu-esl-partition"):
        one.apply(make_context(), module)
    verify_module(module)
    (held,) = holdings(module).whole
    assert (held.node, held.nbytes, held.reason) == (
        "keys", 64, "all heads of queries share one of keys and values",
    )  # fmt: skip
    assert holdings(module).share == 0


def test_a_head_that_all_queries_share_is_counted_apart():
    _partitioned(ALONE.replace("%OTHER", "%i"))


@pytest.mark.parametrize(
    "text",
    [
        ALONE.replace("%OTHER", "%k"),
        TEXT.replace("%OTHER", "%g"),
        DIRECT.replace("%OTHER", "%i"),
        WHOLE.replace("%OTHER", "%i"),
    ],
    ids=["handed out, too", "the cache is handed out, too", "no cache", "whole queries"],
)
def test_what_is_more_than_a_shared_head_counts(text: str):
    with pytest.raises(CompileError, match=r"20.0 % of the parameters .* keys: 64 bytes"):
        _partitioned(text)
