"""A machine with room for any model is otherwise the same."""

from dataclasses import replace
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from dialects.lpu_mem.target import target_of
from lpuc.compiler.pipeline import make_context
from lpuc.profiling.roomy import ROOMY, Roomy
from runtime.target import PRESETS, Target

ODD = r"of \"one\" \\ \n \u007f \u2028 \U0001f600 "


def test_passes_find_the_machine_in_the_printed_module(tmp_path: Path) -> None:
    text = (PRESETS / "lpu-tiny.toml").read_text("utf-8")
    path = tmp_path / "own.toml"
    path.write_text(text.replace('source = "', f'source = "{ODD}'), encoding="utf-8")
    own = Target.load(path)
    assert 'of "one" \\ \n \x7f \u2028 \U0001f600 ' in own.entries["clock_hz"].source
    module = ModuleOp([], {"lpu.options": Roomy(path).attribute()})
    found = target_of(Parser(make_context(), str(module)).parse_module())
    assert found == replace(own, hbm_bytes=ROOMY)
    room = replace(own.entries["hbm_bytes"], value=ROOMY)
    assert found.entries == {**own.entries, "hbm_bytes": room}
