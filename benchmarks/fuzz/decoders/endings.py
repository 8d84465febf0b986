"""What comes out: logits, chosen tokens, and values that someone wanted to see."""

from __future__ import annotations

from benchmarks.fuzz.decoders.extents import Extents
from benchmarks.fuzz.decoders.graph import F16, F32, I64, Graph
from benchmarks.fuzz.decoders.linear import linear
from benchmarks.fuzz.decoders.sizes import Sizes


def logits(g: Graph, sizes: Sizes, x: str, table: str, tied: str) -> str:
    """[batch, new or 1, vocabulary]; a tied head is the table of embeddings once more."""
    last = g.chance(0.25)
    if last:
        x = g("Slice", x, g.ints(-1), g.ints(2**63 - 1), g.ints(1), g.ints(1))
        g.label("last token alone")
    if g.chance(0.1):
        x = g("Cast", x, to=F16)
        g.label("f16 casts", "f16: head")
        table = g("Cast", table, to=F16)
    if tied == "transposed":
        found = g("MatMul", x, g("Transpose", table, perm=[1, 0]))
    elif tied == "gemm":
        flat = g("Reshape", x, g.ints(-1, sizes.hidden))
        found = g("Gemm", flat, table, transB=1)
        found = g("Reshape", found, g.ints(sizes.batch, -1, sizes.vocabulary))
    else:
        found = linear(g, x, sizes.hidden, sizes.vocabulary, bias=False)
    found = g.cast(found, F32)
    if g.chance(0.12):
        g.label("logits: capped")
        cap = g.number(5.0, found)
        found = g("Mul", g("Tanh", g("Div", found, cap)), cap)
    if g.chance(0.14):
        g.label("scalar input")
        found = g("Div", found, g.input("temperature", F32))
    return found


def finish(g: Graph, sizes: Sizes, x: str, exact: bool) -> None:
    """Outputs from logits; choices only where the numbers are exact enough to agree on them."""
    kind = g.pick(("logits", "logits", "TopK", "ArgMax", "both")) if exact else "logits"
    if kind in ("TopK", "both"):
        g.label("ends in TopK")
        names = [g.fresh("top"), g.fresh("places")]
        g.append("TopK", [x, g.ints(3)], names, axis=-1)
        g.types[names[1]] = I64
        g.output("top_values", names[0], sizes.batch_dim, None, 3)
        g.output("top_tokens", names[1], sizes.batch_dim, None, 3)
    if kind in ("ArgMax", "both"):
        g.label("ends in ArgMax")
        keep = int(g.chance(0.5))
        dims = (sizes.batch_dim, None, 1)[: 2 + keep]
        g.output("token", g("ArgMax", x, axis=-1, keepdims=keep), *dims)
    if kind in ("logits", "both") or g.chance(0.5):
        g.output("logits", x, sizes.batch_dim, None, sizes.vocabulary)


def extras(g: Graph, sizes: Sizes, extents: Extents, x: str, shown: list[str]) -> None:
    """Values on the way and numbers of rank 0."""
    if g.chance(0.2):
        g.label("extra output: hidden")
        g.output("hidden", x, sizes.batch_dim, sizes.new_dim, sizes.hidden)
    if shown and g.chance(0.3):
        g.label("extra output: scores")
        g.output("scores", shown[0], *[None] * 4)
    if g.chance(0.15):
        g.label("scalar output")
        g.output("mean", g("ReduceMean", x, keepdims=0))
    if g.chance(0.15):
        g.label("scalar output")
        g.output("total", extents.scalar("total"))
