"""What is generated is up to date, and what README names exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from lpuc.cli import COMMANDS
from lpuc.reports.operators import page
from runtime.reference import page as reference

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_instruction_reference_is_the_table():
    text = (ROOT / "docs/isa.md").read_text(encoding="utf-8")
    assert text.strip() == reference().strip(), "python -m runtime.reference > docs/isa.md"


@pytest.mark.parametrize("name", COMMANDS)
def test_readme_shows_every_command(name: str):
    assert f"lpuc {name}" in README


def test_readme_gives_a_reason_for_every_dependency():
    extras = PROJECT["optional-dependencies"]
    names = {
        re.split(r"[<>=\[]", requirement)[0]
        for requirements in (PROJECT["dependencies"], *extras.values())
        for requirement in requirements
    } - {"lpuc"}
    assert not [name for name in sorted(names) if name not in README]


def test_readme_names_make_targets_that_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`make ([a-z]+)`|^make ([a-z]+)", README, re.MULTILINE)):
        name = "".join(target)
        assert re.search(rf"^{name}:", makefile, re.MULTILINE), name


def test_the_version_is_said_once_more_only():
    import lpuc

    assert lpuc.__version__ == PROJECT["version"]


def test_the_page_of_operators_is_what_the_records_say():
    assert (ROOT / "docs/operators.md").read_text(encoding="utf-8") == f"{page()}\n"
