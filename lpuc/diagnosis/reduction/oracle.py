"""
How a model or IR fails, by the judge of `bisect`, on the inputs that are reduced with it.

```python
ModelOracle(CompileOptions())(Path("model.onnx"), inputs)    # compiled, encoded, run
IrOracle(parse_passes("lpu-raise-norm"))(module)             # each pass on it
```

Who knows what is `sought` looks no further than the pass that is at fault for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from dialects.errors import CompileError
from lpuc.compiler.options import CompileOptions
from lpuc.diagnosis.failure import IMPORTER, Failure, Hang, failure_of
from lpuc.diagnosis.limits import at_most
from lpuc.diagnosis.of_ir import READER, judged
from lpuc.diagnosis.reduction.inputs import SIZES
from lpuc.diagnosis.reduction.model.graph import Arrays
from lpuc.diagnosis.variant import COMPILING, Variant
from lpuc.errors import UserError
from lpuc.levels.cases import Case

CALL = "the call"
"""The case of the inputs that are reduced."""


@dataclass(frozen=True)
class IrOracle:
    """How passes fail on IR in a file; IR that is wrong itself is no failure of theirs."""

    passes: Sequence[ModulePass]
    seconds: float | None = None
    runs: bool = True
    """Whether IR is run, to look at numbers: its weights may not be there."""
    has_prompts: bool = False
    """Whether it is run on prompts in chunks, too."""

    def __call__(self, module: ModuleOp) -> Failure | None:
        """What goes wrong with a module, which is changed."""
        sizes = SIZES[:1] if self.runs else ()
        try:
            with at_most(self.seconds):
                return judged(module, self.passes, sizes, self.has_prompts).failure
        except (UserError, Hang) as error:
            return failure_of(error, READER)


@dataclass(frozen=True)
class ModelOracle:
    """How the compilation of a model in a file fails, or the program that comes of it."""

    options: CompileOptions
    seconds: float | None = None
    sought: Failure | None = None

    def __call__(self, path: Path, inputs: Arrays | None = None) -> Failure | None:
        """What goes wrong; without inputs, only while it is compiled and encoded."""
        return self.shown(path, inputs)[0]

    def shown(self, path: Path, inputs: Arrays | None = None) -> tuple[Failure | None, bool]:
        """The same, and whether the model must be run to show it."""
        given = [] if inputs is None else [Case(CALL, dict(inputs))]
        variant = Variant(path, self.options, 0, given=given, sought=self.sought)
        try:
            with at_most(self.seconds):
                failure, case = variant.failure()
        except Hang as error:
            return failure_of(error, IMPORTER), False
        except UserError as error:
            if not isinstance(error.__cause__, CompileError):
                raise
            return failure_of(error.__cause__, IMPORTER), False
        return failure, case != COMPILING
