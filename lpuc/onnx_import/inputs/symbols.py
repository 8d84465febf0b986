"""Names of extents in a model (`past + seq`, `s44`, `"2"`) as symbols or numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from xdsl.dialects.builtin import DictionaryAttr, StringAttr

from dialects.affine import Affine
from dialects.errors import CompileError
from dialects.names import escape

OPERATORS = {"+": "_plus_", "-": "_minus_", "*": "_times_", "/": "_over_"}


def identifier(name: str) -> str:
    """A name of identifier characters that resembles this one: `past_plus_seq`."""
    spelled = re.sub(r"\s*([-+*/])\s*", lambda m: OPERATORS[m.group(1)], name.strip())
    plain = re.sub(r"[^A-Za-z0-9_]", "_", spelled)[:64] or "_"
    return f"_{plain}" if plain[0].isdigit() else plain


class Symbols:
    """Gives each named extent of a model a symbol of its own, or the number it is fixed to."""

    def __init__(self, fixed: Mapping[str, int]) -> None:
        self.fixed = fixed
        self.symbols: dict[str, str] = {}
        self.seen: set[str] = set()

    def extent(self, param: str) -> Affine:
        """The extent a `dim_param` stands for; equal names are equal extents."""
        text = param.strip()
        if re.fullmatch(r"[0-9]{1,18}", text):
            return Affine(int(text))
        self.seen.add(param)
        if param in self.fixed:
            return Affine(self.fixed[param])
        return Affine.symbol(self._symbol(param))

    def _symbol(self, param: str) -> str:
        if param not in self.symbols:
            base = name = identifier(param)
            taken = set(self.symbols.values())
            count = 2
            while name in taken:
                name, count = f"{base}_{count}", count + 1
            self.symbols[param] = name
        return self.symbols[param]

    def check_used(self) -> None:
        """CompileError if a fixed extent names nothing in the model."""
        for name, value in self.fixed.items():
            if value < 0:
                raise CompileError(f"the extent {name}={value} is negative")
            if name not in self.seen:
                known = ", ".join(escape(p) for p in sorted(self.seen)) or "none"
                raise CompileError(
                    f"no extent is called '{escape(name)}'", hint=f"there are: {known}"
                )

    def attribute(self) -> DictionaryAttr:
        """Symbol to original name, escaped: the function's `lpu.dim_params`."""
        return DictionaryAttr({s: StringAttr(escape(p)) for p, s in sorted(self.symbols.items())})
