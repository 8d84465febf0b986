"""What a text of `generate` may differ in from the one that the host chooses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from lpuc.levels.cases import Text
from lpuc.levels.onnx_runtime import Refusal
from lpuc.levels.texts import Host, Tokens, by_host, off_by
from runtime.generation.sampling import Sampling
from runtime.numerics.elements import ElementType
from runtime.program.interface import Dim, Interface, Port

F32, I64 = ElementType.F32, ElementType.I64
GREEDY = Sampling()
LOGITS = tuple(np.array(row, np.float32) for row in ([0, 1, 0.9], [3, 0, 2], [0, 0, 1]))
HOST = Host((7,), (1, 0, 2), LOGITS, GREEDY)


def texts(*runs: Sequence[int]) -> tuple[Tokens, list[tuple[int, ...]]]:
    """Gives these texts one after the other, and keeps the prompts."""
    left, prompts = list(runs), list[tuple[int, ...]]()

    def run(prompt: Sequence[int], count: int, sampling: Sampling) -> Sequence[int]:
        assert len(prompt) + count == 1 + len(HOST.tokens)
        prompts.append(tuple(prompt))
        return left.pop(0)

    return run, prompts


def test_the_same_tokens_are_off_by_nothing():
    run, prompts = texts([1, 0, 2])
    assert off_by(run, HOST, 1e-5) == 0
    assert prompts == [(7,)]


def test_behind_a_near_tie_the_text_goes_on_with_the_token_of_the_host():
    run, prompts = texts([2, 2, 2], [0, 2])
    assert off_by(run, HOST, 0.06) == pytest.approx(0.05)
    assert prompts == [(7,), (7, 1)]


def test_behind_a_near_tie_a_wrong_token_is_found():
    run, _ = texts([2, 2, 2], [1, 2])
    assert off_by(run, HOST, 0.06) == pytest.approx(3 / 2 / 3)


def test_a_token_that_no_rounding_explains_ends_it():
    run, prompts = texts([0, 0, 2])
    assert off_by(run, HOST, 0.06) == pytest.approx(0.5)
    assert len(prompts) == 1


@pytest.mark.parametrize("got", [[1, 0], [], [1, 0, -2], [1, 3, 2]])
def test_too_few_tokens_and_ids_that_are_none_are_infinitely_off(got: list[int]):
    run, _ = texts(got)
    assert off_by(run, HOST, 1.0) == np.inf


def test_tokens_behind_the_last_are_too_many():
    run, _ = texts([1, 0, 2, 2])
    assert off_by(run, HOST, 1.0) == np.inf


def test_a_draw_is_right_if_logits_within_the_tolerance_give_it():
    logits = (np.array([0, 1e-7, -9], np.float32),)
    drawn = Sampling(1.0, top_k=1)
    host = Host((7,), (1,), logits, drawn)
    for token, tolerance, expected in ((1, 1e-6, 0.0), (0, 1e-6, 1e-6), (2, 1e-6, np.inf)):
        assert off_by(lambda *_, t=token: [t], host, tolerance) == expected


def test_logits_that_hold_nan_choose_nothing():
    """A model that was cut may give such: it has no texts then, and is no reason to break off."""
    ids = Port("ids", I64, I64, (Dim(1), Dim(1)), (1, 1), 0, role="ids")
    logits = Port("logits", F32, F32, (Dim(1), Dim(1), Dim(3)), (3, 3, 1), 8)
    interface = Interface((ids,), (logits,), (), 0, 0, 64)

    def run(_inputs: object) -> dict[str, np.ndarray]:
        return {"logits": np.full((1, 1, 3), np.nan, np.float32)}

    with pytest.raises(Refusal, match="NaN"):
        by_host(run, interface, Text("short", (1, 2), 2, GREEDY))
