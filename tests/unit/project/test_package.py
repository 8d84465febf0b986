"""What `import lpuc` gives."""

from __future__ import annotations

import ast
import pkgutil
from pathlib import Path

from onnx import helper

import lpuc
from tests.unit.onnx_import.models import model, save


def test_no_module_takes_the_name_of_a_function():
    """Importing a module sets it as an attribute of its package, over what stood there."""
    tree = ast.parse(Path(lpuc.__file__).read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    modules = {module.name for module in pkgutil.iter_modules(lpuc.__path__)}
    assert functions
    assert not functions & modules


def test_a_process_compiles_more_than_once(tmp_path: Path):
    path = save(tmp_path, model([helper.make_node("Neg", ["x"], ["y"])], {"x": [3]}, ["y"]))
    outputs = [lpuc.compile(path, precision="f32").run({"x": [1, 2, 3]}) for _ in range(3)]
    assert [found["y"].tolist() for found in outputs] == [[-1, -2, -3]] * 3
