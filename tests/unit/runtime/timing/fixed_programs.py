"""Five programs that use what a decoder uses, for any target: assembly that does not change."""

from dataclasses import replace

from runtime.program.program import Program
from runtime.target import Target
from tests.unit.runtime.timing.microbenchmarks.assembled import assembled

AT = 1 << 24
ROOM = 1 << 22
"""Bytes of the LMU that these programs use at most."""


def _stream(depth: int, columns: int, at: int = AT, size: str = "f16") -> str:
    item = 4 if size == "f32" else 2
    return f"stream (@1,@1,@{depth},@{columns}), {size} @{at}[@0,@0,@{item * columns},@{item}]\n"


def _product(depth: int, columns: int, to: int, x: int, rows: int = 1) -> str:
    return (
        f"vecmat (@1,@{rows},@{depth},@{columns}), f16 @{to}[@0,@{2 * columns},@0,@2], "
        f"f16 @{x}[@0,@{2 * depth},@2,@0], 0\n"
    )


def _softmax(keys: int, at: int) -> str:
    row, here = f"(@1,@1,@1,@{keys})", f"f16 @{at}[@0,@0,@0,@2]"
    return (
        f"reduce.max {row}, f16 @2097152[@0,@0,@0,@0], {here}, 8, 0\n"
        f"map2.sub {row}, {here}, {here}, f16 @2097152[@0,@0,@0,@0]\n"
        f"map1.exp {row}, {here}, {here}\n"
        f"reduce.sum {row}, f16 @2097216[@0,@0,@0,@0], {here}, 8, 0\n"
        "map1.recip (@1,@1,@1,@1), f16 @2097216[@0,@0,@0,@0], f16 @2097216[@0,@0,@0,@0]\n"
        f"map2.mul {row}, {here}, {here}, f16 @2097216[@0,@0,@0,@0]\n"
    )


ATTENTION = (
    "li r90, 0\nhead:\n"
    + _stream(64, 1024) + _stream(1024, 64, AT + (1 << 20))
    + _product(64, 1024, 65536, 0) + _softmax(1024, 65536) + _product(1024, 64, 131072, 65536)
    + f"store (@1,@1,@1,@64), f16 @{AT + (1 << 22)}[@0,@0,@0,@2], f16 @131072[@0,@0,@0,@2]\n"
    + "loop r90, @4, 1, head\n"
)  # fmt: skip
"""Four heads: scores, softmax, values, and a row that is kept."""

LAYER = (
    _stream(1024, 1024) + _product(1024, 1024, 65536, 0)
    + "map1.gelu (@1,@1,@1,@1024), f16 @65536[@0,@0,@0,@2], f16 @65536[@0,@0,@0,@2]\n"
    + _stream(1024, 512, AT + (1 << 22)) + _product(1024, 512, 131072, 65536)
    + "map2.mul (@1,@1,@1,@512), f16 @131072[@0,@0,@0,@2], f16 @131072[@0,@0,@0,@2], "
    + "f16 @0[@0,@0,@0,@2]\n"
    + "reduce.sum (@1,@1,@1,@512), f32 @196608[@0,@0,@0,@0], f16 @131072[@0,@0,@0,@2], 8, 0\n"
    + "map1.sqrt (@1,@1,@1,@1), f32 @196608[@0,@0,@0,@0], f32 @196608[@0,@0,@0,@0]\n"
)  # fmt: skip
"""Two products with what stands between and behind them."""

CHUNK = (
    f"gather (@1,@1,@16,@1024), f16 @0[@0,@0,@2048,@2], f16 @{AT}[@0,@0,@0,@2], "
    "i64 @524288[@0,@0,@8,@0], @4096, @2048\n"
    + _stream(1024, 256, AT + (1 << 24)) + _product(1024, 256, 65536, 0, rows=16)
    + "select (@1,@1,@16,@256), f16 @131072[@0,@0,@512,@2], bool @262144[@0,@0,@256,@1], "
    + "f16 @65536[@0,@0,@512,@2], f16 @196608[@0,@0,@512,@2]\n"
    + f"store (@1,@1,@16,@256), f16 @{AT + (1 << 25)}[@0,@0,@4096,@2], "
    + "f16 @131072[@0,@0,@512,@2]\n"
)  # fmt: skip
"""Rows that share a panel."""

SAMPLE = (
    "topk (@1,@1,@1,@5000), f32 @262144[@0,@0,@0,@4], i64 @270336[@0,@0,@0,@8], "
    "f32 @0[@0,@0,@0,@4], @8, @1\n"
    "map1.exp (@1,@1,@1,@8), f32 @262144[@0,@0,@0,@4], f32 @262144[@0,@0,@0,@4]\n"
    "reduce.sum (@1,@1,@1,@8), f32 @278528[@0,@0,@0,@0], f32 @262144[@0,@0,@0,@4], 8, 0\n"
    "lds r91, 278528\nli r90, 0\nturn:\naddi r92, r90, 1\nloop r90, @20, 1, turn\n"
)
"""A choice, and scalar code behind it."""

RING = "".join(
    f"send.left (@1,@1,@1,@1024), f16 @{k * 2048}[@0,@0,@0,@2]\n"
    f"recv.right (@1,@1,@1,@1024), f16 @{(k + 1) * 2048}[@0,@0,@0,@2]\n"
    for k in range(3)
) + _stream(1024, 256) + _product(1024, 256, 65536, 2048)  # fmt: skip
"""A gather of four devices, and a product of what came first."""

FIXED = {"attention": ATTENTION, "layer": LAYER, "chunk": CHUNK, "sample": SAMPLE, "ring": RING}


def fixed(name: str, target: Target) -> Program:
    """One of them, on a machine with room for it."""
    roomy = replace(target, lmu_bytes=max(ROOM, target.lmu_bytes), registers=256)
    return assembled(FIXED[name], roomy)
