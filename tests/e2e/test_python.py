"""Programs in Python: what is given to them, options, and programs that are saved."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

import lpuc
from lpuc.compiler.options import CompileOptions
from tests.e2e.committed import CONTEXT, ONE
from tests.e2e.python import PROMPT, inputs, shared

pytestmark = pytest.mark.xdist_group("python")
"""What they share is compiled once, in one process."""


@pytest.fixture
def program() -> lpuc.Program:
    return shared()


def test_lists_and_integers_of_any_type_serve(program: lpuc.Program):
    given = inputs(program)
    expected = program.run(given)["logits"]
    for dtype in (np.int32, np.uint8, np.int64):
        arrays = {n: np.array(v, dtype) if isinstance(v, list) else v for n, v in given.items()}
        np.testing.assert_array_equal(program.run(arrays)["logits"], expected)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[-1]], "input_ids: expected values from 0 on, got -1"),
        ([[10**6]], "index 1000000 is outside a dimension of 96"),
        ([[1.0]], "input_ids: expected elements of type i64"),
        ([[1], [1, 2]], "input_ids: expected an array, or lists of equal lengths"),
        ("text", "input_ids: expected numbers"),
        (
            np.array([[2**63]], np.uint64),
            "input_ids: expected values of i64, got 9223372036854775808",
        ),
    ],
)
def test_ids_that_are_none_are_refused(program: lpuc.Program, value: Any, message: str):
    with pytest.raises(lpuc.Error, match=message):
        program.run(inputs(program) | {"input_ids": value})


def test_stated_floats_are_never_narrowed(program: lpuc.Program):
    past = next(port.name for port in program.inputs if port.role == "past")
    given = inputs(program)
    with pytest.raises(lpuc.Error, match=f"{past}: expected elements of type f32, got float64"):
        program.run(given | {past: given[past].astype(np.float64)})
    program.run(given | {past: given[past].astype(np.float16)})


def test_the_interface_is_in_the_order_of_the_model(program: lpuc.Program):
    session: Any = onnxruntime.InferenceSession(str(ONE), providers=["CPUExecutionProvider"])
    assert [port.name for port in program.inputs] == [port.name for port in session.get_inputs()]
    assert [port.name for port in program.outputs] == [port.name for port in session.get_outputs()]
    assert list(program.entries) == ["step", "prompt_chunk", "generate"]
    assert program.entries["generate"].symbols["prompt"] == (1, CONTEXT)


@pytest.mark.parametrize("weights", ["embed", "reference"])
def test_a_saved_program_does_the_same(tmp_path: Path, weights: str):
    model = tmp_path / "model.onnx"
    model.write_bytes(ONE.read_bytes())
    compiled = lpuc.compile(
        model, precision="f32", max_context=CONTEXT, prompt_chunk=0, weights=weights
    )
    compiled.save(tmp_path / "a.lpu")
    loaded = lpuc.load(tmp_path / "a.lpu", check="all")
    tokens = [list(made.generate(PROMPT, max_new_tokens=8)) for made in (loaded, compiled)]
    assert tokens[0] == tokens[1]
    report = lpuc.inspect(tmp_path / "a.lpu").as_dict()
    assert report["weights"].startswith("by reference" if weights == "reference" else "in the")


def test_a_loaded_program_is_saved_in_the_form_that_is_asked_for(tmp_path: Path):
    model = tmp_path / "model.onnx"
    model.write_bytes(ONE.read_bytes())
    lpuc.compile(model, max_context=CONTEXT, prompt_chunk=0, weights="reference").save(
        tmp_path / "a.lpu"
    )
    loaded = lpuc.load(tmp_path / "a.lpu")
    loaded.save(tmp_path / "same.lpu")
    loaded.save(tmp_path / "whole.lpu", weights="embed")
    loaded.save(tmp_path / "none.lpu", weights="none")
    expected = list(loaded.generate(PROMPT, max_new_tokens=8))
    for name in ("same", "whole"):
        saved = lpuc.load(tmp_path / f"{name}.lpu")
        assert list(saved.generate(PROMPT, max_new_tokens=8)) == expected
    with pytest.raises(lpuc.Error, match="holds no weights"):
        lpuc.load(tmp_path / "none.lpu").generate(PROMPT, max_new_tokens=8)
    with pytest.raises(lpuc.Error, match="does not refer to files"):
        lpuc.load(tmp_path / "whole.lpu").save(tmp_path / "b.lpu", weights="reference")
    with pytest.raises(lpuc.Error, match="is an input too"):
        loaded.save(model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_context": "16"}, "max_context: expected a whole number"),
        ({"max_context": 0}, "max_context: expected a whole number"),
        ({"max_context": True}, "max_context: expected a whole number"),
        ({"precision": "f64"}, "precision: expected one of f32, f16, bf16, got 'f64'"),
        ({"weights": "refrence"}, "weights: expected one of embed, reference, none"),
        ({"target": "lpu"}, "target: unknown target 'lpu'"),
        ({"target": 4}, "target: expected the name of a machine"),
        ({"shape": {"seq": "7"}}, "shape: expected a whole number"),
        ({"shape": [("seq", 7)]}, "shape: expected numbers by the names of dimensions"),
        ({"pipeline": ["cse"]}, "pipeline: expected text"),
        ({"pipeline": "nonsense"}, "pipeline: no pass 'nonsense'"),
        ({"max_nodes": -1}, "max_nodes: expected a whole number"),
    ],
)
def test_a_wrong_option_is_one_clear_error(options: dict[str, Any], message: str):
    for call in (lpuc.compile, lpuc.inspect, lpuc.verify):
        if call is lpuc.verify and "weights" in options:
            continue
        with pytest.raises(lpuc.Error, match=message):
            call(ONE, **options)


@pytest.mark.parametrize("call", [lpuc.compile, lpuc.inspect, lpuc.verify])
def test_a_mistyped_option_is_a_type_error(call: Callable[..., Any]):
    with pytest.raises(TypeError, match=rf"{call.__name__}\(\) got an unexpected keyword argument"):
        call(ONE, max_contxt=4)


@pytest.mark.parametrize("call", [lpuc.compile, lpuc.inspect, lpuc.verify])
def test_a_call_has_each_option_with_its_type_and_default(call: Callable[..., Any]):
    """`verify` writes no program."""
    options = dict(inspect.signature(CompileOptions).parameters)
    if call is lpuc.verify:
        del options["weights"]
    given = inspect.signature(call).parameters
    found = {name: (given[name].annotation, given[name].default) for name in options}
    assert found == {name: (option.annotation, option.default) for name, option in options.items()}
