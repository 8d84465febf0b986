"""The page on debugging, done as it says on a copy of the tree that is broken on purpose."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.project.test_contributing import ROOT, commands, copied, edit, examples, run

PAGE = ROOT / "docs/debugging.md"
EXAMPLES = examples(PAGE.read_text(encoding="utf-8"))


@pytest.mark.costs(40)
@pytest.mark.parametrize("title", EXAMPLES)
def test_the_example_does_what_it_says(title: str, tmp_path: Path):
    tree = copied(tmp_path)
    shutil.copy2(ROOT / "samples/exports/llama.onnx", tree)
    for say, kind, body in EXAMPLES[title]:
        if kind != "console":
            edit(tree, say.removeprefix("Mend it. "), body)
            continue
        for command, printed in commands(body):
            found = run(tree, command)
            assert printed in ("", found), f"$ {command}\n{found}"
