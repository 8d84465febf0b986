"""
The first pass, and the first operation and ONNX node in it, whose numbers depart.

```python
found = bisect(Path("model.onnx"), CompileOptions())
found.failure    # None: nothing is wrong on any of found.cases
```

A compilation that breaks off has its failure where it does. Otherwise the model as it was imported
is judged by ONNX Runtime, each pass by the IR before it, the program by its instructions, and the
fast path by the reference. The program runs many cases, its passes some: what differs, and a few.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lpuc.compiler.options import CompileOptions
from lpuc.diagnosis.failure import Failure
from lpuc.diagnosis.variant import Variant
from lpuc.levels.cases import EXTENTS

_ASKED: Mapping[str, int] = {}
VARIANTS = (("", _ASKED), *((name.rstrip(": "), extents) for name, extents in EXTENTS[:2]))
"""What a model is compiled for, one after the other, as long as nothing is wrong."""


@dataclass(frozen=True)
class Bisection:
    """What was found, and where it was looked for."""

    failure: Failure | None
    case: str = ""
    """What shows it: the smallest of the cases that do."""
    cases: tuple[str, ...] = ()
    """All that the program was run on."""
    notes: tuple[str, ...] = ()
    """What was not looked at, and why."""

    def __str__(self) -> str:
        return (
            "nothing departs" if self.failure is None else f"{self.failure}; shown by {self.case}"
        )


def bisect(
    model: Path, options: CompileOptions, seed: int = 0, is_thorough: bool = True
) -> Bisection:
    """
    The first that goes wrong when a model is compiled and run.

    Without `is_thorough` it is compiled for nothing but what the options say. `CompileError` and
    the like for a file that is no model.
    """
    cases, notes = list[str](), dict[str, None]()
    for name, shape in VARIANTS if is_thorough else VARIANTS[:1]:
        fixed = {**shape, **dict(options.shape or {})}
        variant = Variant(model, replace(options, shape=fixed), seed, is_first=not name)
        failure, case = variant.failure()
        called = {text: f"{name}: {text}" if name else text for text in (*variant.cases, case)}
        cases += [called[text] for text in variant.cases]
        notes.update(dict.fromkeys(f"{name}: {n}" if name else n for n in variant.notes))
        if failure is not None and (not name or failure.kind != "refusal"):
            return Bisection(failure, called[case], tuple(cases), tuple(notes))
    return Bisection(None, "", tuple(cases), tuple(notes))
