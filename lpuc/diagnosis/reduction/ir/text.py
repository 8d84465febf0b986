"""
Smaller numbers and fewer symbols in IR, as text: whatever reads back is a candidate.

An extent stands in many types and attributes at once, which agree again if it is replaced in all
of them. Names, strings and digits of other words are left alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import ParseError, VerifyException

from dialects.lpu.interface import symbols_of
from lpuc.compiler.located import Source
from lpuc.compiler.watching.printing import ir_text
from lpuc.diagnosis.reduction.ir.loops import loops
from lpuc.errors import UserError
from passes.analysis.functions import functions

SMALL = (1, 2, 3, 4)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[%@#!^]?[A-Za-z_][\w.$]*|%\d+|\d+\.\d+(?:e[+-]?\d+)?|\d+')
"""Strings, names, values, numbers with a point, and integers: what may be replaced whole."""


def extents(module: ModuleOp) -> list[int]:
    """The integers above one, the most frequent last."""
    words = (found[0] for found in _TOKEN.finditer(ir_text(module, locations=False)))
    counts = Counter(int(word) for word in words if word.isdecimal())
    return sorted((n for n in counts if n > 1), key=lambda n: (counts[n], n))


def smaller(module: ModuleOp, start: int, _stop: int) -> Iterator[ModuleOp]:
    """One integer is a smaller one everywhere."""
    extent = extents(module)[start]
    for less in (*(n for n in SMALL if n < extent), *((extent // 2,) if extent > 9 else ())):
        yield from _read(_replaced(ir_text(module, locations=False), str(extent), str(less)))


def names(module: ModuleOp) -> list[str]:
    """The symbols of functions and the variables of loops."""
    bound = [name for func in functions(module) for name in symbols_of(func).ranges]
    return list(dict.fromkeys([*bound, *(loop.variable.data for loop in loops(module))]))


def numbered(module: ModuleOp, start: int, _stop: int) -> Iterator[ModuleOp]:
    """A small number stands for a symbol or for the variable of a loop."""
    name, text = names(module)[start], ir_text(module, locations=False)
    text = re.sub(rf"\b{re.escape(name)} in -?\d+ to -?\d+(, )?", "", text).replace(", ]>", "]>")
    for value in (0, 1, 3):
        yield from _read(_replaced(_scaled(text, name, value), name, str(value)))


def _scaled(text: str, name: str, value: int) -> str:
    """The products of numbers with a name as numbers."""
    product = re.compile(rf"(\d+)\*{re.escape(name)}\b")
    return product.sub(lambda found: str(int(found[1]) * value), text)


def _replaced(text: str, word: str, other: str) -> str:
    return _TOKEN.sub(lambda found: other if found[0] == word else found[0], text)


def _read(text: str) -> Iterator[ModuleOp]:
    """The module of a text, if it is one."""
    try:
        yield Source(text, "reduced.mlir").read()
    except (ParseError, VerifyException, UserError, ValueError, AssertionError):
        return
