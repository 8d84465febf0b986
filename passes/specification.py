"""
What a pass says of itself: where it works, what must hold before, what holds behind it, and what
it does to numbers.

```python
specification = Specification(
    level="lpu_mem",
    needs={"tiles": "tiling makes the buffers that fit on the chip"},
    gives=("addresses",),
    numbers=EXACT,
)
```

The default pipeline is checked against this, a pipeline of a user's as far as `needs` go, and a
pass refuses IR of another level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdsl.passes import ModulePass

LEVELS = ("onnx", "lpu", "lpu_esl", "lpu_mem", "lpu_isa")
"""The dialects that IR is written in, from the model down to the machine."""

FACTS: Mapping[str, tuple[str, str]] = {
    "operators": ("onnx", "every operator of the model is one that can be lowered"),
    "chunks": ("onnx", "what takes a prompt many tokens at a time stands beside the step"),
    "dimensions": ("onnx", "every dimension of an input is a number or a bounded symbol"),
    "extents": ("onnx", "every extent is affine in the symbols"),
    "constants": ("lpu", "what constants alone decide is a constant"),
    "distinct": ("lpu", "what is computed twice from the same values is computed once"),
    "live": ("lpu", "nothing reads a value to no purpose"),
    "views": ("lpu", "rows at known places are taken by slices"),
    "stored": ("lpu", "values have the types in which they are stored"),
    "states": ("lpu", "caches are states"),
    "loops": ("lpu", "equal layers are one loop"),
    "prompts": ("lpu", "what takes a prompt many tokens at a time takes nothing else"),
    "entries": ("lpu", "the token loop stands beside the step"),
    "indices": ("lpu", "what bounds of indices decide is a constant"),
    "activations": ("lpu", "an activation is one operation"),
    "softmaxes": ("lpu", "a softmax is one operation"),
    "norms": ("lpu", "a norm is one operation"),
    "rotations": ("lpu", "a rotary embedding is one operation"),
    "attentions": ("lpu", "an attention is one operation"),
    "products": ("lpu", "products with one left side are one product"),
    "columns": ("lpu", "products that arrived merged are products of their own"),
    "plan": ("lpu", "what each device computes is chosen"),
    "shards": ("lpu_esl", "each device computes its part"),
    "exchanges": ("lpu_esl", "what is needed whole is exchanged"),
    "buffers": ("lpu_mem", "every tensor has a buffer"),
    "layouts": ("lpu_mem", "buffers are laid out as products stream them"),
    "order": ("lpu_mem", "what is independent stands where engines wait least"),
    "residents": ("lpu_mem", "what stays on the chip is chosen"),
    "tiles": ("lpu_mem", "what is computed in one piece fits on the chip"),
    "addresses": ("lpu_mem", "every buffer has an address"),
    "instructions": ("lpu_isa", "every operation is an instruction"),
    "streams": ("lpu_isa", "streams start ahead of the products that read them"),
    "meaning": ("lpu_isa", "what the code does is written down"),
    "registers": ("lpu_isa", "every register is one of the machine"),
}
"""What passes establish, by name: at which level, and in words."""


@dataclass(frozen=True)
class Numbers:
    """What becomes of the numbers that a module computes."""

    change: str
    bound: str = ""
    """On the difference of a value `y`: `u` is the unit roundoff of its type, `n` the terms."""

    def __post_init__(self) -> None:
        assert self.change in ("exact", "re-associates", "rounds"), self.change
        assert bool(self.bound) == (self.change != "exact"), "a change has a bound"

    def __str__(self) -> str:
        return f"{self.change}, {self.bound}" if self.bound else self.change


EXACT = Numbers("exact")
"""The same numbers, bit for bit."""


def re_associates(bound: str) -> Numbers:
    """As many roundings, of intermediate values in another order."""
    return Numbers("re-associates", bound)


def rounds(bound: str) -> Numbers:
    """Roundings are added or removed."""
    return Numbers("rounds", bound)


SUMS = re_associates("2 n u sum |terms|")
"""Sums and products in another order (decision 3)."""


@dataclass(frozen=True, kw_only=True)
class Specification:
    """All that is known of a pass without running it."""

    level: str | None
    """The level of the IR that it takes; None: any."""
    takes: tuple[str, ...] = ()
    """Other levels of which it takes IR as well, and leaves it there if it leads nowhere."""
    to: str | None = None
    """The level that it leads to, if it is another one."""
    needs: Mapping[str, str] = field(default_factory=dict[str, str])
    """Facts without which it fails, and why."""
    after: Mapping[str, str] = field(default_factory=dict[str, str])
    """Facts without which it does less than it can, and why."""
    gives: tuple[str, ...]
    spoils: tuple[str, ...] = ()
    """Facts that do not hold any more behind it."""
    removes: tuple[str, ...] = ()
    """Operations of which none is left behind it, beside those of the level that it leads from."""
    numbers: Numbers

    def __post_init__(self) -> None:
        named = {*self.needs, *self.after, *self.gives, *self.spoils}
        assert named <= FACTS.keys(), f"no such facts: {named - FACTS.keys()}"
        assert {self.level, self.to, *self.takes} <= {*LEVELS, None}

    def accepts(self, level: str) -> bool:
        """Whether it works on IR of a level."""
        return self.level is None or level == self.level or level in self.takes

    def behind(self, level: str | None) -> str | None:
        """The level of what was at a level that it accepts; None is a level that nobody knows."""
        return self.to or level or self.level


OTHERS: Mapping[str, Specification] = {
    "cse": Specification(level=None, gives=("distinct",), numbers=EXACT),
    "dce": Specification(level=None, gives=("live",), numbers=EXACT),
}
"""What xDSL's passes of the pipeline are."""


def specification_of(cls: type[ModulePass]) -> Specification | None:
    """What a pass says of itself; None of those of xDSL's that the pipeline does not use."""
    return getattr(cls, "specification", None) or OTHERS.get(cls.name)


COMMON = frozenset({"builtin", "func"})
"""The dialects that hold the operations of every level."""
BELONGS: Mapping[str, frozenset[str]] = {level: frozenset({level}) for level in LEVELS} | {
    "onnx": frozenset({"onnx", "lpu"}),
    "lpu_esl": frozenset({"lpu", "lpu_esl"}),
}
"""
The dialects of operations at each level; `onnx` mixes with what it becomes, `lpu_esl` with what it
extends.
"""


def wrong_level(name: str, level: str, found: str) -> str:
    """What is wrong with a pass on IR of another level."""
    return f"'{name}' works on level {level}, and this is level {found}"
