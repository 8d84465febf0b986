"""The examples of docs/python.md do what it says."""

from __future__ import annotations

import re
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
STORIES = ROOT / "samples/stories"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n^```text\n(.*?)^```\n)?", re.M | re.S)


def test_the_page_prints_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("model.onnx", "tokenizer.json"):
        shutil.copy(STORIES / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    page, names = (ROOT / "docs/python.md").read_text("utf-8"), dict[str, object]()
    blocks = list(BLOCK.finditer(page))
    assert len(blocks) == page.count("```python")
    for block in blocks:
        line = page.count("\n", 0, block.start(1))
        code, shown = StringIO(), block[2]
        with redirect_stdout(code):
            exec(compile("\n" * line + block[1], "docs/python.md", "exec"), names)
        assert code.getvalue() == (shown or ""), f"docs/python.md, line {line}"
