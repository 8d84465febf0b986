"""The example in the docstring of every pass is true: the second text is what the pass makes."""

from __future__ import annotations

import re
import sys
from io import StringIO

import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser
from xdsl.printer import Printer

from lpuc.compiler.pipeline import make_context, parse_passes
from passes import PASSES, load_pass

_EXAMPLE = re.compile(
    r"```mlir\n(.*?)```\s*becomes(?:, with `(.*?)`,)?\s*```mlir\n(.*?)```", re.DOTALL
)


def _examples(name: str) -> list[tuple[str, str, str]]:
    """(before, options of the pass, after)"""
    doc = sys.modules[load_pass(name).__module__].__doc__ or ""
    return _EXAMPLE.findall(doc)


def _parse(text: str) -> ModuleOp:
    return Parser(make_context(), text).parse_module()


def _text(module: ModuleOp) -> str:
    stream = StringIO()
    Printer(stream).print_op(module)
    return stream.getvalue()


@pytest.mark.parametrize("name", PASSES)
def test_the_example_is_true(name: str):
    examples = _examples(name)
    assert examples, "the docstring shows no IR before and after"
    for before, options, after in examples:
        module, expected = _parse(before), _parse(after)
        module.verify()
        (one,) = parse_passes(f"{name}{{{options}}}" if options else name)
        one.apply(make_context(), module)
        module.verify()
        if not module.is_structurally_equivalent(expected):
            assert _text(module) == _text(expected)
            pytest.fail("the two differ in more than the text shows")
