"""The Python interface: what a user of `import lpuc` gets, against ONNX Runtime."""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

import lpuc
from lpuc.compiler.options import CompileOptions
from runtime.calling.loaded import Loaded
from runtime.program.program import Program
from tests.e2e.committed import MODELS, ONE, model_id

CONTEXT = 24
STORIES = Path(__file__).parents[2] / "samples/stories"
PROMPT = [1, 5, 9]


@pytest.fixture(scope="module")
def program() -> lpuc.Program:
    return lpuc.compile(ONE, precision="f32", max_context=CONTEXT)


@pytest.fixture(scope="module")
def stories() -> lpuc.Program:
    return lpuc.compile(STORIES / "model.onnx", max_context=64)


def reference(model: Path, tokens: list[int]) -> np.ndarray[Any, Any]:
    """The logits of ONNX Runtime for a text, given whole."""
    session: Any = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    feed: dict[str, Any] = {}
    for port in session.get_inputs():
        if "past" in port.name:
            shape = [d if isinstance(d, int) else int(d.startswith("batch")) for d in port.shape]
            feed[port.name] = np.zeros(shape, np.float32)
        elif "mask" in port.name:
            feed[port.name] = np.ones((1, len(tokens)), np.int64)
        else:
            ids = (
                tokens if "ids" in port.name and "position" not in port.name else range(len(tokens))
            )
            feed[port.name] = np.array([list(ids)], np.int64)
    return session.run(["logits"], feed)[0][0]


def inputs(program: lpuc.Program) -> dict[str, Any]:
    """One token behind none, as lists."""
    given: dict[str, Any] = {}
    for port in program.inputs:
        shape = [extent if isinstance(extent, int) else 0 for extent in port.shape]
        given[port.name] = np.zeros(shape, port.dtype) if port.role == "past" else [[1]]
    return given | {port.name: [[0]] for port in program.inputs if port.role == "positions"}


@pytest.mark.parametrize("model", MODELS, ids=model_id)
def test_a_session_gives_the_logits_of_the_whole_text(model: Path):
    tokens = [1, 5, 9, 2, 2, 7, 30, 11]
    expected = reference(model, tokens)
    with lpuc.compile(
        model, precision="f32", max_context=CONTEXT, prompt_chunk=0
    ).session() as session:
        parts = [session.step(tokens[:3]), session.step(tokens[3:4]), session.step(tokens[4:])]
    np.testing.assert_allclose(np.concatenate(parts), expected, rtol=1e-4, atol=1e-5)


def test_a_session_counts_and_forgets(program: lpuc.Program):
    session = program.session()
    first = session.step(PROMPT)
    assert session.position == 3
    session.step([4])
    session.reset()
    assert session.position == 0
    np.testing.assert_array_equal(session.step(np.array([PROMPT], np.int32)), first)


def test_sessions_do_not_see_each_other(program: lpuc.Program):
    one, two = program.session(), program.session()
    alone = np.concatenate([one.step([1]), one.step([5])])
    one.reset()
    mixed = [one.step([1])]
    two.step([30, 31])
    program.run(inputs(program))
    mixed.append(one.step([5]))
    np.testing.assert_array_equal(np.concatenate(mixed), alone)


def test_the_reference_path_keeps_what_a_session_has_written(tmp_path: Path):
    compiled = lpuc.compile(
        ONE, precision="f32", target="lpu-tiny", max_context=CONTEXT, prompt_chunk=0
    )
    compiled.save(tmp_path / "p.lpu")
    checked = Loaded(Program.load(tmp_path / "p.lpu"), reference=True).session()
    fast = compiled.session()
    for part in ([1, 5], [9], [2, 3]):
        np.testing.assert_allclose(checked.step(part), fast.step(part), rtol=1e-5, atol=1e-6)


def test_a_session_has_room_for_the_context(program: lpuc.Program):
    session = program.session()
    session.step([2] * session.room)
    with pytest.raises(lpuc.Error, match=f"{session.room + 1} tokens are more than the program"):
        session.step([2])


@pytest.mark.parametrize("length", [1, 5])
def test_a_fixed_sequence_feeds_and_generates_what_single_tokens_do(length: int):
    model = MODELS[1]
    program = lpuc.compile(
        model, precision="f32", max_context=CONTEXT, prompt_chunk=0, shape={"seq": length}
    )
    logits = program.session().step(PROMPT)
    np.testing.assert_allclose(logits, reference(model, PROMPT), rtol=1e-4, atol=1e-5)
    tokens = list(PROMPT)
    for _ in range(6):
        tokens.append(int(reference(model, tokens)[-1].argmax()))
    assert list(program.generate(PROMPT, max_new_tokens=6)) == tokens[3:]


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


def test_generation_is_lazy_and_ends_before_a_stop(program: lpuc.Program):
    tokens = list(program.generate(PROMPT, max_new_tokens=8))
    generation = program.generate(PROMPT, max_new_tokens=8)
    assert generation.tokens == []
    assert next(generation) == tokens[0]
    assert generation.tokens == tokens[:1]
    stop = tokens[4]
    ended = list(program.generate(PROMPT, max_new_tokens=8, stop_tokens=[stop]))
    assert ended == tokens[: tokens.index(stop)]


def test_text_streams_in_pieces_that_join(stories: lpuc.Program):
    generation = stories.generate("Once", tokenizer=STORIES / "tokenizer.json", max_new_tokens=12)
    pieces = list(generation)
    assert len(pieces) > 4
    assert len(generation.tokens) == 12
    assert "".join(pieces).startswith(" upon a time")
    assert generation.tokens_per_second is not None


def folder_with(tmp_path: Path, name: str, content: object) -> Path:
    (tmp_path / "tokenizer.json").write_bytes((STORIES / "tokenizer.json").read_bytes())
    (tmp_path / name).write_text(json.dumps(content))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("generation_config.json", lambda end: {"eos_token_id": end[0]}),
        ("generation_config.json", lambda end: {"eos_token_id": [1535, end[0]]}),
        ("config.json", lambda end: {"eos_token_id": end[0]}),
        ("tokenizer_config.json", lambda end: {"eos_token": end[1]}),
        ("tokenizer_config.json", lambda end: {"eos_token": {"content": end[1]}}),
    ],
)
def test_the_folder_of_a_tokenizer_says_what_ends_a_text(
    stories: lpuc.Program, tmp_path: Path, name: str, make: Callable[[tuple[int, str]], object]
):
    import tokenizers

    vocabulary: Any = tokenizers.Tokenizer.from_file(str(STORIES / "tokenizer.json"))
    whole = stories.generate("Once", tokenizer=STORIES / "tokenizer.json", max_new_tokens=12)
    list(whole)
    end = whole.tokens[5]
    folder = folder_with(tmp_path, name, make((end, vocabulary.id_to_token(end))))
    ended = stories.generate("Once", tokenizer=folder, max_new_tokens=12)
    list(ended)
    assert ended.tokens == whole.tokens[: whole.tokens.index(end)]
    free = stories.generate("Once", tokenizer=folder, max_new_tokens=12, ignore_end=True)
    list(free)
    assert free.tokens == whole.tokens


def test_the_folder_of_a_model_says_what_ends_a_text(tmp_path: Path):
    (tmp_path / "model.onnx").write_bytes(ONE.read_bytes())
    program = lpuc.compile(tmp_path / "model.onnx", max_context=CONTEXT)
    tokens = list(program.generate(PROMPT, max_new_tokens=8))
    end = tokens[3]
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": end}))
    program = lpuc.compile(tmp_path / "model.onnx", max_context=CONTEXT)
    assert list(program.generate(PROMPT, max_new_tokens=8)) == tokens[: tokens.index(end)]


def test_a_tokenizer_of_another_model_is_refused(program: lpuc.Program):
    with pytest.raises(lpuc.Error, match="has ids up to 1535, the model 96"):
        program.generate("Once", tokenizer=STORIES / "tokenizer.json")


@pytest.mark.parametrize("weights", ["embed", "reference"])
def test_a_saved_program_does_the_same(tmp_path: Path, weights: str):
    model = tmp_path / "model.onnx"
    model.write_bytes(ONE.read_bytes())
    compiled = lpuc.compile(model, precision="f32", max_context=CONTEXT, weights=weights)
    compiled.save(tmp_path / "a.lpu")
    loaded = lpuc.load(tmp_path / "a.lpu", check="all")
    tokens = [list(made.generate(PROMPT, max_new_tokens=8)) for made in (loaded, compiled)]
    assert tokens[0] == tokens[1]
    report = lpuc.inspect(tmp_path / "a.lpu").as_dict()
    assert report["weights"].startswith("by reference" if weights == "reference" else "in the")


def test_a_loaded_program_is_saved_in_the_form_that_is_asked_for(tmp_path: Path):
    model = tmp_path / "model.onnx"
    model.write_bytes(ONE.read_bytes())
    lpuc.compile(model, max_context=CONTEXT, weights="reference").save(tmp_path / "a.lpu")
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


def test_threads_share_a_program(program: lpuc.Program):
    prompts = [[1, 5, 9], [2], [30, 31, 32, 33], [7, 7]]
    expected = [list(program.generate(prompt, max_new_tokens=10)) for prompt in prompts]
    found: dict[int, list[list[int]]] = {}

    def work(index: int) -> None:
        found[index] = [list(program.generate(prompts[index], max_new_tokens=10)) for _ in range(3)]

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {index: [tokens] * 3 for index, tokens in enumerate(expected)}


def test_a_session_refuses_a_second_thread(program: lpuc.Program):
    session, errors = program.session(), list[Exception]()

    def work() -> None:
        try:
            session.step([1])
        except lpuc.Error as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ["belongs to the thread that made it" in str(error) for error in errors] == [True]
    assert session.position == 0


def test_a_closed_session_says_so(program: lpuc.Program):
    with program.session() as session:
        session.step([1])
    with pytest.raises(lpuc.Error, match="the session is closed"):
        session.step([1])
    session.close()


def test_predictions_grow_with_the_context(program: lpuc.Program):
    first, last = program.predict(context=0), program.predict(context=CONTEXT - 1)
    assert 0 < first.seconds < last.seconds
    assert 0 < first.utilisation < 1
    prompt = program.predict("generate", context=4)
    assert prompt.symbols == {"fed": 3, "prompt": 4, "sampled": 0, "total": 5}, "behind a chunk"
    assert prompt.seconds > first.seconds
    with pytest.raises(lpuc.Error, match="entry: expected one of step, prompt_chunk, generate"):
        program.predict("stepp")
    with pytest.raises(lpuc.Error, match=f"context: expected a whole number, 0 to {CONTEXT - 1}"):
        program.predict(context=CONTEXT)


def test_inspect_says_yes_only_if_compile_does():
    report = lpuc.inspect(ONE, max_context=CONTEXT, prompt_chunk=0).as_dict()
    assert report["compiles"] is True
    assert report["program"]["target"] == "lpu-4nm"
    assert json.loads(json.dumps(report)) == report
    large = lpuc.inspect(ONE, max_context=2**30, prompt_chunk=0).as_dict()
    with pytest.raises(lpuc.Error) as refusal:
        lpuc.compile(ONE, max_context=2**30, prompt_chunk=0)
    assert (large["compiles"], large["refusal"]) == (False, str(refusal.value))


def test_verify_gives_data():
    found = lpuc.verify(ONE, max_context=CONTEXT, prompt_chunk=0, precision="f32")
    assert found.is_right
    assert set(found.table["logits"]) == {"onnx", "lpu", "mem", "program", "fast"}
    assert found.as_dict()["mismatches"] == []


def test_verify_takes_inputs_and_checks_them(program: lpuc.Program):
    found = lpuc.verify(
        ONE, max_context=CONTEXT, prompt_chunk=0, precision="f32", inputs=inputs(program)
    )
    assert (found.is_right, found.cases) == (True, ("given",))
    with pytest.raises(lpuc.Error, match="input_ids: expected values from 0 on"):
        lpuc.verify(
            ONE, max_context=CONTEXT, prompt_chunk=0, inputs=inputs(program) | {"input_ids": [[-1]]}
        )


def test_verify_runs_a_pipeline_of_the_users():
    from lpuc.compiler.pipeline import PIPELINE

    names = [
        name for stage in PIPELINE for name in stage.passes if not name.startswith("lpu-raise")
    ]
    found = lpuc.verify(
        ONE, max_context=CONTEXT, prompt_chunk=0, precision="f32", pipeline=",".join(names)
    )
    assert found.is_right
    assert set(found.table["logits"]) == {"onnx", "lpu", "mem", "program", "fast"}
