"""
A folder with the IR after each pass that changed something; `index.json` lists all passes.

```
00-import.mlir  02-onnx-resolve-shapes.mlir  03-convert-onnx-to-lpu.mlir  ...  index.json
```
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TypedDict

from lpuc.files.disk import check_output, write_text

INDEX = "index.json"
_OWN = re.compile(r"\d{2,}-[a-z0-9-]+\.mlir")


class Entry(TypedDict):
    """What `index.json` says about one pass."""

    index: int
    name: str
    spec: str
    file: str | None


class IrDump:
    """Writes the folder; files of an earlier dump in it go away."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.entries: list[Entry] = []
        folder.mkdir(parents=True, exist_ok=True)
        earlier = [p for p in sorted(folder.iterdir()) if _OWN.fullmatch(p.name) and p.is_file()]
        for output in (folder / INDEX, *earlier):
            check_output(output)
        for old in earlier:
            old.unlink()

    def add(self, name: str, spec: str, text: str | None) -> None:
        """One more pass; `text` is the IR after it, None if it changed nothing."""
        index = len(self.entries)
        file = None if text is None else f"{index:02}-{name}.mlir"
        if file is not None and text is not None:
            write_text(self.folder / file, text)
        self.entries.append(Entry(index=index, name=name, spec=spec, file=file))
        write_text(self.folder / INDEX, json.dumps(self.entries, indent=2) + "\n")
