"""
A folder with the IR behind each pass that changed something; `index.json` lists all passes.

```
00-import.mlir  02-onnx-bind-roles.mlir  03-onnx-resolve-shapes.mlir  ...  index.json
```

Each file can be fed back: it says where it stands and of which files it names weights. A machine
or a plan that a file describes is in the IR, and lies beside it as `target.toml` and `plan.json`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any, TypedDict

from dialects.reading import all_within
from lpuc import __version__
from lpuc.compiler.dumping.course import PLAN_FILE, TARGET_FILE, Course
from lpuc.compiler.dumping.written import IMPORT, Standing, Written, standing_at
from lpuc.files.disk import check_output, write_text
from passes.rewriting.standing import DUMP

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass

INDEX = "index.json"
_OWN = re.compile(r"\d{2,}-[a-z0-9-]+\.mlir")
Verdict = Mapping[str, object]
"""What a judge says of the IR behind a pass: `by` whom, whether it is `right`, what else it has."""
Ops = dict[str, int]
"""Operations by dialect."""

Entry = TypedDict(
    "Entry",
    {
        "index": int,
        "pass": str,
        "options": dict[str, Any],
        "file": str | None,
        "seconds": float,
        "ops": dict[str, Ops],
        "hash": str,
        "verdicts": list[Verdict],
    },
)
"""What `index.json` says of a pass. The hash is that of the IR, without where it stands."""


class IrDump:
    """Writes the folder; files of an earlier dump in it go away."""

    def __init__(self, folder: Path, course: Course):
        self.folder, self.course = folder, course
        self.entries: list[Entry] = []
        self._listed: list[str] = []
        """Their texts."""
        self._written = Written()
        self._structure: list[int] = []
        self._standing = Standing()
        folder.mkdir(parents=True, exist_ok=True)
        copies = [folder / name for name in (INDEX, TARGET_FILE, PLAN_FILE)]
        earlier = [p for p in sorted(folder.iterdir()) if _OWN.fullmatch(p.name) and p.is_file()]
        for output in (*copies, *earlier):
            check_output(output)
        for old in earlier:
            old.unlink()
        for name, text in course.copies.items():
            write_text(folder / name, text)

    def begin(self, module: ModuleOp) -> None:
        """The module that no pass has changed."""
        self._standing = standing_at(module, self.course.specs, 0, self.course.weights)
        self._add(IMPORT, {}, module, 0.0, ())

    def add(
        self, one: ModulePass, module: ModuleOp, seconds: float, verdicts: Sequence[Verdict] = ()
    ) -> None:
        """The module behind one more pass, how long that took, and what judges say of it."""
        spec, done = one.spec(), len(self.entries)
        known = self._standing
        self._standing = Standing(
            str(spec), tuple(self.course.specs[done:]), known.weights, known.files
        )
        self._add(spec.name, dict(spec.parameters), module, seconds, verdicts)

    def add_failed(
        self, one: ModulePass, error: Exception, verdicts: Sequence[Verdict] = ()
    ) -> None:
        """A pass that failed, or whose IR does; nothing is written of that."""
        spec, (says, *_) = one.spec(), str(error).strip().splitlines() or [""]
        verdict = {"by": "pass", "right": False, "says": f"{type(error).__name__}: {says}"}
        entry = self._entry(spec.name, dict(spec.parameters), 0.0, [*verdicts, verdict])
        entry["ops"]["after"], entry["hash"] = {}, ""
        self._list(entry)

    def _add(
        self,
        name: str,
        options: dict[str, Any],
        module: ModuleOp,
        seconds: float,
        verdicts: Sequence[Verdict],
    ) -> None:
        entry = self._entry(name, options, seconds, verdicts)
        structure = self._written.texts.structure(module)
        if structure != self._structure:
            self._structure = structure
            entry["file"] = f"{entry['index']:02}-{name}.mlir"
            entry["hash"] = self._write(entry["file"], module)
            entry["ops"]["after"] = count_by_dialect(module)
        self._list(entry)

    def _entry(
        self, name: str, options: dict[str, Any], seconds: float, verdicts: Sequence[Verdict]
    ) -> Entry:
        """That of a pass that changed nothing."""
        before = self.entries[-1]["ops"]["after"] if self.entries else {}
        return {
            "index": len(self.entries),
            "pass": name,
            "options": options,
            "file": None,
            "seconds": round(seconds, 6),
            "ops": {"before": before, "after": before},
            "hash": self.entries[-1]["hash"] if self.entries else "",
            "verdicts": list(verdicts),
        }

    def _list(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._listed.append(indent(json.dumps(entry, indent=1), "  "))
        head, entries = f'{{\n "lpuc": {json.dumps(__version__)},\n', ",\n".join(self._listed)
        text = f'{head} "passes": [\n{entries}\n ]\n}}\n'
        write_text(self.folder / INDEX, text, durable=False)

    def _write(self, file: str, module: ModuleOp) -> str:
        """Write one file, and give the hash of its IR."""
        body = self._written.body(module)
        standing = None if DUMP in module.attributes else self._standing
        text = self._written.whole(module, body, standing)
        write_text(self.folder / file, text, durable=False)
        return hashlib.sha256(body.encode()).hexdigest()


def count_by_dialect(module: ModuleOp) -> Ops:
    """How many operations of each dialect a module has, itself included."""
    counts = Counter[str]()
    for name, count in Counter([op.name for op in all_within(module)]).items():
        counts[name.partition(".")[0]] += count
    return dict(sorted(counts.items()))
