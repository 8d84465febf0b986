"""
Run a case that is several calls: each goes on with the caches that the one before it left.

```python
run_case("lpu", module, case)    # the outputs of its last call
run_on(Interpreter(program), case)
```

A cache is an output that the next call is given, or a state that both have. Behind an entry that is
not there yet, `step` takes as many tokens.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from dialects.observing import Memo, Observer
from lpuc.levels.cases import Case
from lpuc.levels.execution import STEP, Arrays, OnToken, entries_of, run_level
from lpuc.levels.interface import names_taken
from runtime.run.host_io import HostIO
from runtime.run.interpreter import Interpreter

if TYPE_CHECKING:
    from dialects.lpu_mem.semantics import Watch

Array = np.ndarray[Any, Any]


def takes(module: ModuleOp, case: Case) -> bool:
    """Whether IR has all that a case calls."""
    return {call.entry for call in case.calls} <= entries_of(module).keys()


def run_case(
    level: str,
    module: ModuleOp,
    case: Case,
    on_token: OnToken | None = None,
    observer: Observer | None = None,
    memo: Memo | None = None,
    watch: Watch | None = None,
) -> Arrays:
    """The outputs of the last call of a case, computed on the IR of a level above the machine."""
    entries, outputs, kept = entries_of(module), dict[str, Array](), dict[str, Any]()
    for call in case.calls:
        entry = call.entry if call.entry in entries else STEP
        left = _left(call, names_taken(entries[entry]), outputs)
        kept = {} if left else kept
        outputs = run_level(
            level, module, {**call.inputs, **left}, entry, call.values, on_token, observer, memo,
            watch, kept if case.before else None,
        )  # fmt: skip
    return outputs


def run_on(machine: Interpreter, case: Case, on_token: OnToken | None = None) -> Arrays:
    """The outputs of the last call of a case by the machine, whose memory stays in between."""
    if not case.before:
        return machine.run(case.inputs, case.entry, case.values, on_token)
    with machine.devices() as devices:
        host = None
        for call in case.calls:
            whole = machine.program.entry(call.entry)
            entry = replace(whole, inputs=tuple(p for p in whole.inputs if p.name in call.inputs))
            inputs = {port.name: call.inputs[port.name] for port in entry.inputs}
            first, host = host is None, HostIO(entry, devices, inputs, call.values)
            host.start(keep=not first)
            machine.finish(machine.ring(devices, entry.pc))
        assert host is not None, "a case has a call"
        return host.outputs()


def _left(call: Case, taken: Collection[str], outputs: Mapping[str, Array]) -> dict[str, Array]:
    """What the call before has left as outputs, as far as the next one is given it."""
    return {
        name: outputs[cache.name][tuple(slice(extent) for extent in cache.extents)]
        for name, cache in call.caches.items()
        if name in taken and cache.name in outputs
    }
