"""What types claim of parts: right claims are accepted however they are written, wrong refused."""

from __future__ import annotations

import numpy as np
import pytest

from dialects.refusal import Refused
from dialects.verification import verify_module
from tests.unit.lpu_esl.rings import bits, module_of


def shard(dims: str, cuts: str, devices: int = 4, dtype: str = "f32") -> str:
    return f"!lpu_esl.shard<[{dims}], {dtype}, {devices} x [{cuts}]>"


def tensor(dims: str, dtype: str = "f32") -> str:
    return f"!lpu.tensor<[{dims}], {dtype}>"


HEADS = shard("1, 3, 6, 4", "[], [], [3/2:2, 2/2], []")
FLAT = shard("1, 3, 24", "[], [], [3/2:2, 2/2, 4]")
WIDE = shard("2, 32", "[], [32/4]")
BITS = shard("2, 32", "[], [2/2:2, 2/2, 8]")
QUERIES = shard("1, 8, 1, 4", "[], [2/2:2, 2/2, 2], [], []")
KEYS = shard("1, 2, P + 1, 4", "[], [2/2:2], [], []")
COLUMN = shard("8, 6", "[], [6/4]")
MERGED = tensor("8, 5")
RIGHT = {
    "a reshape keeps factors": f"%r = lpu.reshape %x : {FLAT} -> {HEADS}",
    "two ways to write one cut": f'%r = lpu.map "exp" %x : {WIDE} -> {BITS}',
    "rows of a tensor in columns": f'%r = lpu.reduce "sum" %x over <[0]> : {WIDE} -> '
    + shard("1, 32", "[], [32/4]"),
    "a repetition": f"%r = lpu.broadcast %x : {tensor('1, 3')} -> {shard('4, 3', '[4/4], []')}",
    "blocks outside of a cut": f"%r = lpu.slice %x at <[4]> step <[1]> : "
    f"{shard('48', '[3, 16/4]')} -> {shard('16', '[16/4]')}",
    "the part of each of what all have": f"%r = lpu.slice %x at <[2*d0]> step <[1]> : "
    f"{tensor('8')} -> {shard('8', '[8/4]')}",
    "columns that are counted": "%r = lpu.iota <[2*d0 + 5, 1]> : "
    + shard("8", "[8/4]", dtype="i64"),
    "a table by width": f"%r = lpu.gather %x, %i axis 0 : {COLUMN}, {tensor('3', 'i64')} -> "
    + shard("3, 6", "[], [6/4]"),
    "groups of heads with their keys": f'%r = lpu.attention %x, %k, %k scale 1.0 softcap 0.0 '
    f'empty "nan" : {QUERIES}, {KEYS}, {KEYS} -> {QUERIES}',
}  # fmt: skip


def _arguments(line: str) -> str:
    """`%x`, `%k` and `%i` with the types that the line gives them."""
    names, kinds = line.split(" : ")[0], line.partition(" : ")[2].partition(" -> ")[0]
    if "%x" not in names:
        return ""
    first = kinds[: kinds.index(">", kinds.index("]>") if "]>" in kinds else 0) + 1]
    found = [f"%x: {first}"]
    found += [f"%k: {KEYS}"] if "%k" in names else []
    found += [f"%i: {tensor('3', 'i64')}"] if "%i" in names else []
    return ", ".join(found)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_claim_is_accepted(name: str):
    module = module_of(f"{RIGHT[name]}\nfunc.return", 4, _arguments(RIGHT[name]), "P in 0 to 7")
    verify_module(module)


def _merged(second: str) -> str:
    """Two weights in parts, 6/4 and 12/4 wide, as one: 2 + 3 columns on a device."""
    zeros = {n: bits(np.zeros((8, n), np.float32)) for n in (6, 12)}
    parts = [f'shard(inline("{w}", [8, {n}], f32), 4 x [[], [{n}/4]])' for n, w in zeros.items()]
    return f"""
      %w = lpu.constant <concat([{", ".join(parts)}], 1)> : {MERGED}
      %y = lpu.matmul %x, %w : {tensor("1, 8")}, {MERGED} -> {tensor("1, 5")}
      %a = lpu.slice %y at <[0, 0]> step <[1, 1]> : {tensor("1, 5")} -> {shard("1, 6", "[], [6/4]")}
      %b = lpu.slice %y at <[0, 2]> step <[1, 1]> : {tensor("1, 5")} -> {second}
      func.return"""


def test_merged_products_are_taken_apart_again():
    arguments = f"%x: {tensor('1, 8')}"
    verify_module(module_of(_merged(shard("1, 12", "[], [12/4]")), 4, arguments))
    with pytest.raises(Refused, match="its type claims"):
        verify_module(module_of(_merged(shard("1, 12", "[], [3, 4/4]")), 4, arguments))


def test_what_a_loop_makes_private_is_so_in_its_next_turn():
    one = tensor("1", "i64")
    body = f"""
      %a = lpu.iota <[0, 0]> : {one}
      %r = lpu.for "l" to <3> (%a : {one}) -> {one} {{
      ^bb0(%c : {one}):
        %d = lpu.iota <[d0, 0]> : {one}
        %n = lpu.map "add" %c, %d : {one}, {one} -> {one}
        lpu.yield %n : {one}
      }}
      func.return %r : {one}"""
    with pytest.raises(Refused, match="a result that is no shard differs by device"):
        verify_module(module_of(body, 4))
    verify_module(module_of(body.replace("<[d0, 0]>", "<[7, 0]>"), 4))


def test_one_bit_of_the_device_tells_parts_of_one_axis_apart():
    """Rows and columns cut by one bit make blocks on the diagonal, of no tensor."""
    rows, columns = shard("2, 3", "[2/2], []", 2), shard("3, 2", "[], [2/2]", 2)
    result = shard("2, 1", "[2/2], []", 2)
    body = f"""
      %z = lpu.matmul %x, %y : {rows}, {columns} -> {tensor("1, 1")}
      %r = lpu.slice %z at <[0, 0]> step <[1, 1]> : {tensor("1, 1")} -> {result}
      func.return"""
    with pytest.raises(Refused, match="while nothing is known of it"):
        verify_module(module_of(body, 2, f"%x: {rows}, %y: {columns}"))


def test_nested_padding_is_not_flat_padding():
    """3 of 2 over two devices each, against 6 over four: the fourth has one, or none."""
    body = f"%r = lpu.reshape %x : {FLAT} -> {shard('1, 3, 24', '[], [], [6/4, 4]')}\nfunc.return"
    with pytest.raises(Refused, match="its type claims"):
        verify_module(module_of(body, 4, f"%x: {FLAT}"))


@pytest.mark.parametrize("dims", ["16", "1, 2, 8", "8, 2"])
def test_who_gives_a_claim_up_has_nothing_that_is_the_same_on_all(dims: str):
    body = f"""
      %r = lpu.reshape %x : {WIDE} -> {tensor(dims)}
      func.return %r : {tensor(dims)}"""
    with pytest.raises(Refused, match="a result that is no shard differs by device"):
        verify_module(module_of(body, 4, f"%x: {WIDE}"))


def test_a_claim_that_was_given_up_may_be_made_again():
    body = f"""
      %r = lpu.reshape %x : {WIDE} -> {tensor("1, 2, 8")}
      %s = lpu.reshape %r : {tensor("1, 2, 8")} -> {BITS}
      func.return %s : {BITS}"""
    verify_module(module_of(body, 4, f"%x: {WIDE}"))
