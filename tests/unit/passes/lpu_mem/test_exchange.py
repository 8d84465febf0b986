"""Messages that no machine has room for are refused by the name of their node."""

from __future__ import annotations

import pytest

from dialects.errors import CompileError
from passes.lpu_mem.tile import LpuMemTilePass
from tests.unit.backend.harness import context, parse

BUFFER = "!lpu_mem.buffer<hbm, f32, 4>"
MESSAGES = "\n".join(
    f'lpu_mem.{kind} "{side}" %y <[1] {{d{j}: [1]}}> : {BUFFER} loc("/layer/Sum")'
    for kind, side, j in [
        ("send", "left", 0),
        ("send", "right", 0),
        ("recv", "right", 1),
        ("send", "left", 1),
        ("recv", "left", 3),
        ("recv", "right", 2),
    ]
)
SYMBOLS = ", ".join(f"d{j} in 0 to 3" for j in range(4))
TEXT = f"""
func.func @step(%y : {BUFFER}) attributes {{lpu.symbols = #lpu.symbols<[{SYMBOLS}]>}} {{
  {MESSAGES}
  lpu_mem.return :
}}"""


def test_an_element_of_each_device_has_to_fit():
    expected = (
        r"/layer/Sum: lpu_mem.send: one element of each of 4 parts takes 32 bytes of LMU, "
        r"31 are free; choose a target with more LMU"
    )
    with pytest.raises(CompileError, match=expected):
        LpuMemTilePass(lmu=31).apply(context(), parse(TEXT))
    LpuMemTilePass(lmu=32).apply(context(), parse(TEXT))
