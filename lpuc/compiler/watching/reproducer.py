"""
A file that shows a bug again: IR, what was to be done with it, and what failed, in comments on top.

```mlir
// RUN: xdsl-opt %s -p 'lpu-mem-tile,lpu-mem-allocate'
// A bug of lpuc; `lpuc opt --run-reproducer FILE` shows it again.
// {
//   "failure": "pass 'lpu-mem-tile': AssertionError: no room",
//   "pipeline": "lpu-mem-tile,lpu-mem-allocate",
//   "level": null,
//   "emit": null,
//   "options": "{target = \"lpu-4nm\", precision = \"f16\"}",
//   "versions": {"lpuc": "0.1.0", "xdsl": "0.74.0", "numpy": "2.3.0", "onnx": "1.19.0"}
// }
builtin.module { ... }
```

xDSL's own tool runs the same passes; what is judged behind them, it does not know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple, cast

from lpuc.errors import UserError
from lpuc.files.disk import write_text

NAME = "lpuc-reproducer"
FOLDER = Path()
"""Where reproducers are written that nobody gave a name."""
MOST = 1000
"""How many of them may lie there."""
WATCHED = ("lpuc", "xdsl", "numpy", "onnx")
_RUN = re.compile(r"// RUN: xdsl-opt %s(?: -p '(.*)')?")
_ABOUT = "// A bug of lpuc; `lpuc opt --run-reproducer FILE` shows it again."


def versions() -> dict[str, str]:
    """What is installed of the packages whose change may hide a bug."""
    return {name: _version(name) for name in WATCHED}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


@dataclass(frozen=True)
class Recipe:
    """What to do with the IR of a reproducer."""

    pipeline: str
    level: str | None = None
    """The level that IR is to be of behind the passes, where that is judged."""
    emit: str | None = None
    """What is encoded behind the passes, if anything: one of `failures.EMITTED`."""
    failure: str = ""
    options: str = ""
    versions: Mapping[str, str] = field(default_factory=versions)

    def text(self, ir: str) -> str:
        """The whole file."""
        run = (
            f"// RUN: xdsl-opt %s -p '{self.pipeline}'" if self.pipeline else "// RUN: xdsl-opt %s"
        )
        notes = json.dumps(asdict(self), indent=2).splitlines()
        return "\n".join([run, _ABOUT, *(f"// {line}" for line in notes), ir])

    @property
    def stale(self) -> str | None:
        """Which packages were others when the file was written; None if none were."""
        now = versions()
        others = (
            f"{n} {v}, here {now.get(n)}" for n, v in self.versions.items() if v != now.get(n)
        )
        return "; ".join(others) or None


def recipe_of(text: str) -> Recipe:
    """What a reproducer says of itself; `UserError` if it does not."""
    first, *lines = text.split("\n")
    found = _RUN.fullmatch(first)
    if found is None:
        raise UserError("this is no reproducer: its first line names no passes")
    if not lines or lines[0] != _ABOUT:
        return Recipe(found[1] or "", versions={})
    ending = lines.index("// }") if "// }" in lines else -1
    try:
        notes: object = json.loads(
            "".join(line.removeprefix("// ") for line in lines[1 : ending + 1])
        )
        return _recipe(notes)
    except (ValueError, TypeError) as error:
        raise UserError(f"this is no whole reproducer: {error}") from None


def _recipe(notes: object) -> Recipe:
    if not isinstance(notes, dict):
        raise TypeError("its comments hold no object")
    given = cast("dict[str, Any]", notes)
    for name, value in given.items():
        if not isinstance(value, dict if name == "versions" else str | None):
            raise TypeError(f"'{name}' is {value!r}")
    return Recipe(**given)


class Place(NamedTuple):
    """Where reproducers go."""

    path: Path | None = None
    """A file to write, which is replaced; if None, one in `FOLDER` with a name that is free."""
    replayed: Path | None = None
    """The reproducer that is run: it shows the bug already."""

    def put(self, text: str) -> Path:
        """Write a reproducer, unless the same one lies there; its file."""
        if self.replayed is not None:
            return self.replayed
        target = self.path or _free(text)
        write_text(target, text)
        return target


ANYWHERE = Place()


def _free(text: str) -> Path:
    """A name that nothing has, or a file with this very text."""
    for number in range(1, MOST + 1):
        path = FOLDER / (f"{NAME}.mlir" if number == 1 else f"{NAME}-{number}.mlir")
        if not path.exists() or _holds(path, text):
            return path
    raise FileExistsError(f"there are {MOST} reproducers")


def _holds(path: Path, text: str) -> bool:
    size = len(text.encode())
    return path.is_file() and path.stat().st_size == size and path.read_bytes() == text.encode()
