"""
lpuc compiles ONNX decoders to programs for latency processing units.

```python
import lpuc

program = lpuc.compile("model.onnx", max_context=256)
outputs = program.run({"input_ids": ids, ...})
```
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpuc.siblings import check_siblings

if TYPE_CHECKING:
    from lpuc.compiler.driver import CompiledProgram

__version__ = "0.1.0"

check_siblings()


def compile(model: str | Path, **options: Any) -> CompiledProgram:
    """Compile a model; `options` are the fields of `lpuc.compiler.options.CompileOptions`."""
    from lpuc.compiler.driver import compile_model
    from lpuc.compiler.options import CompileOptions

    return compile_model(Path(model), CompileOptions(**options))
