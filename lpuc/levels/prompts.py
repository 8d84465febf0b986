"""
A step, a chunk of a prompt behind it, and a step that sees both: what judges `prompt_chunk`.

```python
(prompt,) = prompts_of(made, module)
run_case("mem", module, prompt.case)      # the outputs of the last step
prompt.right(reference)                   # the same by a reference, token by token
```
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from lpuc.levels.cases import TEXT_ROLES, Cache, Case, Cases
from lpuc.levels.decoder import cache_pairs
from lpuc.levels.execution import STEP, Arrays
from lpuc.levels.interface import chunk_width
from lpuc.levels.onnx_runtime import Runner
from lpuc.levels.texts import filled, steps_of
from runtime.program.interface import Interface, Port
from runtime.program.interface_json import CHUNK
from runtime.program.presents import KEPT

NAME = "a chunk"
PAST = 5
"""How many tokens are in the cache at first, where there is room."""


@dataclass(frozen=True)
class Prompt:
    """A text whose tokens go into the cache by calls that are of several each."""

    interface: Interface
    tokens: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    """For each call how many tokens are in the cache, and how many it takes."""
    caches: Arrays
    """What is there before the first."""

    @cached_property
    def case(self) -> Case:
        """The calls; the first is given caches, the others go on."""
        first, *others = (self._call(past, count) for past, count in self.spans)
        *before, last = replace(first, inputs={**first.inputs, **self.caches}, caches={}), *others
        return replace(last, name=NAME, before=tuple(before))

    def right(self, reference: Runner) -> Arrays:
        """The outputs of the last call, one token after the other; `Refusal` where that fails."""
        past = self.spans[0][0]
        (*_, last) = steps_of(reference, self.interface, self.tokens, past, self.caches)
        return last

    def _call(self, past: int, count: int) -> Case:
        pairs = cache_pairs(self.interface)
        held = {before.name for before, _ in pairs}
        ports = [port for port in self.interface.inputs if port.name not in held]
        inputs = {port.name: filled(port, self.tokens, past, count) for port in ports}
        caches = {a.name: Cache(b.name, a.extents({_symbol(a): past})) for a, b in pairs}
        entry = STEP if count == 1 else CHUNK
        return Case("", inputs, entry, {_symbol(pairs[0][0]): past}, caches=caches)


def _symbol(cache: Port) -> str:
    """What counts the tokens in a cache."""
    return next(name for dim in cache.shape for name, _ in dim.terms)


def prompts_of(made: Cases, module: ModuleOp) -> list[Prompt]:
    """
    One, if the IR takes prompts in chunks.

    There is none where not all inputs are those of a decoder.
    """
    width, pairs = chunk_width(module), cache_pairs(made.interface)
    past = [port for port in made.interface.inputs if port.role in KEPT]
    if width is None or not pairs or len(pairs) != len(past) or len(made.symbols) != 1:
        return []
    if any(port.role not in TEXT_ROLES for port in made.interface.inputs):
        return []
    room = made.symbols[0].upper + 1
    first = min(PAST, room - width - 2)
    if first >= 0:
        spans = (first, 1), (first + 1, width), (first + 1 + width, 1)
    else:
        spans = (0, width), (min(width, room - 1), 1)
    given = made.call(NAME, {made.symbols[0].name: spans[0][0]}).inputs
    numbers = made.rng.integers(0, made.ids, spans[-1][0] + 1)
    tokens = tuple(int(n) for n in np.asarray(numbers))
    caches = {port.name: given[port.name] for port in past}
    return [Prompt(made.interface, tokens, spans, caches)]
