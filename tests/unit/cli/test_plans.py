"""Plans of several devices: written, edited, given again, and refused with the reason."""

from __future__ import annotations

import json
from contextlib import chdir
from functools import cache
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import lpuc
from lpuc.cli import invoke
from lpuc.compiler.driver import load_module, lower
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import pipeline_of
from lpuc.compiler.plans import plan_of
from runtime.ring.checks.load import Unsafe
from tests.unit.cli.conftest import MODEL as EXPORTED

LLAMA = EXPORTED.with_name("llama.onnx")
MODEL = Path("three.onnx")
"""Three products, in the folder of each test: what plans are about, and nothing else."""
PRODUCTS = {"first": (32, 64), "second": (64, 32), "head": (32, 96)}
HEAD = "head"
WHOLE = 32 * 96 * 2
"""Bytes of the head in f16."""


pytestmark = pytest.mark.xdist_group("plans")
"""The plan is made once, in one process."""


@cache
def _three() -> bytes:
    nodes: list[onnx.NodeProto] = []
    weights: list[TensorProto] = []
    given = "x"
    for seed, (name, shape) in enumerate(PRODUCTS.items()):
        numbers = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
        weights.append(numpy_helper.from_array(numbers, f"{name}.weight"))
        nodes.append(helper.make_node("MatMul", [given, f"{name}.weight"], [f"{name}.y"], name))
        nodes.append(helper.make_node("Relu", [f"{name}.y"], [f"{name}.z"], f"{name}.relu"))
        given = f"{name}.z"
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, extent])
        for name, extent in (("x", 32), (given, 96))
    )
    graph = helper.make_graph(nodes, "three", [x], [y], weights)
    opsets = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    MODEL.write_bytes(_three())
    return tmp_path


def _partition(*options: str, model: Path = MODEL) -> int:
    ir = ("--emit", "esl", "--prompt-chunk", "0", "-o", "ir.mlir")
    return invoke(["compile", str(model), *ir, *options])


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the compiler plans for two devices, and the IR that it makes of it."""
    folder = tmp_path_factory.mktemp("planned")
    with chdir(folder):
        MODEL.write_bytes(_three())
        assert _partition("--devices", "2", "--plan-out", "plan.json") == 0
    return folder


@pytest.fixture
def plan(planned: Path, folder: Path) -> dict[str, Any]:
    """What the compiler plans for two devices, in `plan.json`, beside `ir.mlir`."""
    copytree(planned, folder, dirs_exist_ok=True)
    return json.loads(Path("plan.json").read_text())


def _refusal(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What is said of `plan.json`, which is one line."""
    capsys.readouterr()
    assert _partition("--devices", "2", "--plan", "plan.json", *options) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: plan.json: ")
    assert message.count("\n") == 1
    return message


def test_a_plan_names_products_and_how_they_are_cut(plan: dict[str, Any]):
    assert plan["devices"] == 2
    assert set(plan) == {"devices", "model", "products", "parameters", "share", "whole"}
    assert plan["products"][HEAD] == "96/2"


def test_a_plan_that_was_written_makes_the_same_ir(plan: dict[str, Any]):
    assert _partition("--devices", "2") == 0
    expected = Path("ir.mlir").read_text()
    Path("ir.mlir").unlink()
    assert _partition("--devices", "2", "--plan", "plan.json") == 0
    assert Path("ir.mlir").read_text() == expected


def test_a_plan_that_is_edited_is_followed(plan: dict[str, Any]):
    """What is not cut any more is whole, and that is told."""
    name = HEAD
    assert plan["products"][name] == "96/2"
    plan["products"][name] = "96"
    Path("plan.json").write_text(json.dumps(plan))
    options = ("--devices", "2", "--plan", "plan.json", "--whole-budget", "100")
    assert _partition(*options, "--plan-out", "again.json") == 0
    again = json.loads(Path("again.json").read_text())
    assert again["products"] == plan["products"]
    reason = "lpu.matmul needs all of it"
    assert {"node": name, "bytes": WHOLE, "reason": reason} in again["whole"]


def test_more_than_the_budget_names_what_is_whole_and_writes_the_plan(
    plan: dict[str, Any], capsys: pytest.CaptureFixture[str]
):
    name = HEAD
    assert plan["products"][name] == "96/2"
    plan["products"][name] = "96"
    Path("plan.json").write_text(json.dumps(plan))
    options = ("--devices", "2", "--plan", "plan.json", "--plan-out", "again.json")
    assert _partition(*options) == 1
    message = capsys.readouterr().err
    assert "more than 5 %" in message
    assert f"{name}: {WHOLE} bytes" in message
    assert name in {
        weight["node"] for weight in json.loads(Path("again.json").read_text())["whole"]
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"devices": 4}, "is for 4 devices, not 2"),
        ({"devices": True}, "'devices' is no number of devices"),
        ({"devices": "2"}, "'devices' is no number of devices"),
        ({"model": "0123456789abcdef"}, "is for another model"),
        ({"model": 5}, "'model' is no text"),
        ({"products": ["96/2"]}, "'products' has names and values"),
        ({"product": {}}, "unknown key 'product'; did you mean products?"),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused(
    change: dict[str, Any], said: str, plan: dict[str, Any], capsys: pytest.CaptureFixture[str]
):
    Path("plan.json").write_text(json.dumps(plan | change))
    assert said in _refusal(capsys)


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        ("96/3", "parts 3 of a factor is no power of two"),
        ("96/4", "does not fit 2 devices"),
        ("96/2:2", "does not fit 2 devices"),
        ("48/2", "whose columns are 96"),
        ("48/2, 2", "whose columns are 96"),
        ("97/2", "whose columns are 96"),
        ("", "whose columns are 96"),
        ("96/2], [2", "these are several axes"),
        ("all of it", "all of it"),
        ("9" * 5000, "is no text such as"),
        (5, "is no text such as"),
        (None, "is no text such as"),
    ],
)
def test_an_impossible_cut_is_refused_with_the_product(
    cut: object, said: str, plan: dict[str, Any], capsys: pytest.CaptureFixture[str]
):
    name = HEAD
    assert plan["products"][name] == "96/2"
    plan["products"][name] = cut
    Path("plan.json").write_text(json.dumps(plan))
    message = _refusal(capsys)
    assert name in message
    assert said in message


def test_an_unknown_product_is_refused_with_what_was_meant(
    plan: dict[str, Any], capsys: pytest.CaptureFixture[str]
):
    name, cut = next(iter(plan["products"].items()))
    plan["products"][f"{name}x"] = cut
    Path("plan.json").write_text(json.dumps(plan))
    assert f"'{name}x', which is no product of the model; did you mean {name}" in _refusal(capsys)


def test_cuts_that_contradict_each_other_are_refused(capsys: pytest.CaptureFixture[str]):
    """The query heads of a group share the cut of its key heads."""
    assert _partition("--devices", "2", "--plan-out", "plan.json", model=LLAMA) == 0
    plan = json.loads(Path("plan.json").read_text())
    shared = [name for name, cut in plan["products"].items() if cut.startswith("2/2, ")]
    assert len(shared) > 1
    plan["products"][shared[0]] = plan["products"][shared[0]].replace("2/2", "2", 1)
    Path("plan.json").write_text(json.dumps(plan))
    assert _partition("--devices", "2", "--plan", "plan.json", model=LLAMA) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: plan.json: the plan cuts ")
    assert "where they are the same columns" in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[]", "is no plan: a plan has names and values"),
        ("{}", "is no plan: it has no 'devices'"),
        ('{"devices": 2, "devices": 4}', "'devices' stands there 2 times"),
        ("[" * 100_000, "is not JSON"),
        ("9" * 5000, "is not JSON"),
    ],
)
def test_what_is_no_plan_is_refused(text: str, said: str, capsys: pytest.CaptureFixture[str]):
    Path("plan.json").write_text(text)
    assert said in _refusal(capsys)


@pytest.mark.parametrize("command", ["verify", "inspect", "compile", "generate"])
def test_whatever_compiles_names_the_file_of_a_plan(
    command: str, capsys: pytest.CaptureFixture[str]
):
    Path("plan.json").write_text("{}")
    tokens = ["--tokens", "1"] if command == "generate" else []
    arguments = [command, str(MODEL), "--devices", "2", "--plan", "plan.json", *tokens]
    assert invoke(arguments) == 1
    assert capsys.readouterr().err.startswith("error: plan.json: is no plan")


@pytest.mark.parametrize(
    "options",
    [
        ["--plan", "plan.json"],
        ["--plan-out", "new.json"],
        ["--devices", "2", "--whole-budget", "101"],
        ["--devices", "2", "--whole-budget", "nan"],
        ["--devices", "3"],
        ["--devices", "0"],
    ],
)
def test_plans_and_budgets_that_nobody_can_mean_are_wrong_usage(options: list[str]):
    assert _partition(*options) == 2


def test_there_is_no_plan_above_the_level_that_makes_it(capsys: pytest.CaptureFixture[str]):
    arguments = ["compile", str(MODEL), "--emit", "lpu", "-o", "ir.mlir", "--devices", "2"]
    assert invoke([*arguments, "--plan-out", "plan.json"]) == 2
    assert "no pass has made a plan" in capsys.readouterr().err
    assert not Path("plan.json").exists()


def test_no_file_that_is_read_becomes_a_plan(plan: dict[str, Any], tmp_path: Path):
    text = Path("plan.json").read_text()
    Path("link.json").symlink_to("plan.json")
    for name in ("plan.json", "link.json"):
        given = ("--devices", "2", "--plan", "plan.json", "--plan-out", name)
        assert _partition(*given) == 1
    assert Path("plan.json").read_text() == text
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(MODEL.read_bytes())
    assert _partition("--devices", "2", "--plan-out", "copy.onnx", model=copy) == 1
    assert copy.read_bytes() == MODEL.read_bytes()


def test_the_ir_never_takes_the_place_of_a_plan(plan: dict[str, Any]):
    given = ["--devices", "2", "--plan", "plan.json", "-o", "plan.json"]
    assert invoke(["compile", str(MODEL), "--emit", "esl", *given]) == 1
    assert json.loads(Path("plan.json").read_text()) == plan


def _planned(plan: object) -> dict[str, Any] | None:
    options = CompileOptions(devices=2, plan=plan)  # pyright: ignore[reportArgumentType]
    module = load_module(MODEL, options)
    lower(module, options, "esl", Instrumentation())
    return plan_of(module)


def test_a_plan_may_be_a_mapping(plan: dict[str, Any]):
    assert _planned(plan) == plan
    assert _planned(Path("plan.json")) == plan


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (5, "plan: expected a plan, or a file that holds one, got 5"),
        ({}, "plan: it has no 'devices'"),
        ({"devices": 2, "model": "0", "products": {}}, "the plan is for another model"),
        ({"devices": 4, "model": "0", "products": {}}, "the plan is for 4 devices, not 2"),
    ],
)
def test_a_mapping_that_is_no_plan_is_refused(plan: object, said: str):
    with pytest.raises(lpuc.Error, match=said):
        _planned(plan)


def test_a_plan_is_for_several_devices():
    with pytest.raises(lpuc.Error, match="plan: a plan is for several devices, and there is one"):
        lpuc.compile(MODEL, plan={"devices": 2, "model": "", "products": {}})


@pytest.mark.parametrize("more", [[], ["--plan", "plan.json"], ["--whole-budget", "5"]])
@pytest.mark.parametrize("command", ["compile", "verify"])
def test_a_pipeline_that_shares_nothing_is_for_one_device(
    command: str, more: list[str], plan: dict[str, Any], capsys: pytest.CaptureFixture[str]
):
    alone = ",".join(name for stage in pipeline_of(1) for name in stage.passes)
    assert invoke([command, str(MODEL), "--devices", "2", "--pipeline", alone, *more]) == 2
    said = "a program needs that what is needed whole is exchanged; 'lpu-esl-insert-sync'"
    assert said in capsys.readouterr().err


def test_a_program_that_could_not_be_loaded_is_not_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is proved for several devices and yet refused by the check of a load is our bug."""

    def refused(*_: object) -> None:
        raise Unsafe("place", "nobody knows which", (3,), ("first",))

    monkeypatch.setattr("runtime.program.program.check_ring", refused)
    assert invoke(["compile", str(MODEL), "--devices", "2", "-o", "three.lpu"]) == 70
    assert "not safe on several devices, place" in capsys.readouterr().err
    assert not Path("three.lpu").exists()
