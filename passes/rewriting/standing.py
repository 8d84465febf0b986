"""
Where IR stands in the pipeline that it was dumped from: what has run, and what is to come.

```mlir
builtin.module attributes {lpu.dump = {behind = "dce", rest = ["lpu-derive-generate", "cse"]}}
```

A dump carries this attribute. Whoever runs the next pass on it, `xdsl-opt` too, leaves a module
that says so, since passes of ours note that they ran; a module of a compilation has none.
"""

from __future__ import annotations

from typing import cast

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp, StringAttr
from xdsl.ir import Attribute

from passes.rewriting.kernel import set_attribute

DUMP = "lpu.dump"
BEHIND, REST = "behind", "rest"
OTHERS = ("cse", "dce")
"""Passes that are not ours, and note nothing: they may run twice."""


def note_passed(module: ModuleOp, spec: str) -> None:
    """A pass has run: it is not to come any more, if it was the next one."""
    stated = module.attributes.get(DUMP)
    if not isinstance(stated, DictionaryAttr):
        return
    listed = stated.data.get(REST)
    entries = cast("ArrayAttr[Attribute]", listed) if isinstance(listed, ArrayAttr) else ()
    rest = [entry.data for entry in entries if isinstance(entry, StringAttr)]
    while rest and rest[0] in OTHERS and rest[0] != spec:
        rest.pop(0)
    if rest and rest[0] == spec:
        left = ArrayAttr([StringAttr(one) for one in rest[1:]])
        now = {**stated.data, BEHIND: StringAttr(spec), REST: left}
        set_attribute(module, DUMP, DictionaryAttr(now))
