"""Sessions in Python: logits of ONNX Runtime, room for the context, and threads."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

import lpuc
from runtime.calling.loaded import Loaded
from runtime.program.program import Program
from tests.e2e.committed import CONTEXT, ONE
from tests.e2e.python import PROMPT, inputs, reference, shared

pytestmark = pytest.mark.xdist_group("python")
"""What they share is compiled once, in one process."""


@pytest.fixture
def program() -> lpuc.Program:
    return shared()


LEARNED = ONE.with_name("gpt2.onnx")
"""Its positions are rows of a table."""


@pytest.mark.parametrize("model", [ONE, LEARNED], ids=lambda path: path.stem)
def test_a_session_gives_the_logits_of_the_whole_text(model: Path):
    tokens = [1, 5, 9, 2, 2, 7, 30, 11]
    expected = reference(model, tokens)
    own = {"precision": "f32", "max_context": CONTEXT, "prompt_chunk": 0}
    with (shared() if model == ONE else lpuc.compile(model, **own)).session() as session:
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
    model = ONE
    program = lpuc.compile(
        model, precision="f32", max_context=CONTEXT, prompt_chunk=0, shape={"seq": length}
    )
    logits = program.session().step(PROMPT)
    np.testing.assert_allclose(logits, reference(model, PROMPT), rtol=1e-4, atol=1e-5)
    tokens = list(PROMPT)
    for _ in range(6):
        tokens.append(int(reference(model, tokens)[-1].argmax()))
    assert list(program.generate(PROMPT, max_new_tokens=6)) == tokens[3:]


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
