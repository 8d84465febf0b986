"""The choice of a token."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.errors import Unserved
from runtime.generation.sampling import Sampling, choose, uniform

LOGITS = np.log(np.array([0.1, 0.4, 0.2, 0.3], np.float32))


def draws(sampling: Sampling, count: int = 400, logits: object = LOGITS) -> list[int]:
    """The choices at the first places of a text."""
    return [choose(np.asarray(logits), sampling, [0] * i) for i in range(count)]


def test_greedy_takes_the_lowest_id_among_equals():
    assert choose(np.array([1.0, 3.0, 3.0]), Sampling(), []) == 1


def test_equal_logits_rank_by_id():
    equal = np.zeros(5, np.float32)
    assert set(draws(Sampling(1.0, top_k=3), logits=equal)) == {0, 1, 2}


def test_ranks_are_those_behind_the_temperature():
    low = np.nextafter(np.float32(1.9), np.float32(2))
    logits = np.array([low, np.nextafter(low, np.float32(2))])
    assert set(draws(Sampling(1.0, top_k=1), logits=logits)) == {1}
    assert set(draws(Sampling(1.5, top_k=1), logits=logits)) == {0}


def test_a_choice_depends_on_seed_and_place_alone():
    sampling = Sampling(temperature=1.0, seed=7)
    first = draws(sampling)
    assert first == draws(sampling)
    assert first != draws(Sampling(temperature=1.0, seed=8))
    assert [choose(LOGITS, sampling, [3] * i) for i in range(400)] == first


def test_the_generator_is_splitmix64():
    # The first outputs for the seed 1234567, as published with other implementations.
    published = (6457827717110365317, 3203168211198807973, 9817491932198370423)
    for position, bits in enumerate(published):
        assert uniform(1234567, position) == np.float32((bits >> 40) / 2**24)
    assert uniform(2**64 - 1, 5) == uniform(-1, 5)


def test_frequencies_follow_the_logits():
    counts = np.bincount(draws(Sampling(1.0), 4000), minlength=4)
    np.testing.assert_allclose(counts / 4000, [0.1, 0.4, 0.2, 0.3], atol=0.03)


@pytest.mark.parametrize(
    ("sampling", "allowed"),
    [
        (Sampling(1.0, top_k=1), {1}),
        (Sampling(1.0, top_k=2), {1, 3}),
        (Sampling(1.0, top_p=0.39), {1}),
        (Sampling(1.0, top_p=0.41), {1, 3}),
        (Sampling(1.0, top_p=0.69), {1, 3}),
        (Sampling(1.0, top_p=0.71), {1, 2, 3}),
        (Sampling(1.0, top_k=2, top_p=0.56), {1}),
        (Sampling(1.0, top_p=1e-60), {1}),
        (Sampling(1.0, top_p=1.0), {0, 1, 2, 3}),
        (Sampling(1.0, top_k=99), {0, 1, 2, 3}),
        (Sampling(1e-4), {1}),
        (Sampling(1e-40), {1}),
    ],
)
def test_only_likely_tokens_are_chosen(sampling: Sampling, allowed: set[int]):
    assert set(draws(sampling)) == allowed


@pytest.mark.parametrize(
    ("logits", "tokens", "chosen"),
    [
        ([3.0, 2.0, 1.0], [], 0),
        ([3.0, 2.0, 1.0], [0], 1),
        ([3.0, 2.0, 1.0], [0, 0, 1], 0),
        ([-2.0, -3.0, -9.0], [0], 1),
        ([-2.0, -3.0, -9.0], [1], 0),
    ],
)
def test_the_penalty_makes_seen_tokens_less_likely(
    logits: list[float], tokens: list[int], chosen: int
):
    array = np.array(logits, np.float32)
    assert choose(array, Sampling(repetition_penalty=2.0), tokens) == chosen
    assert choose(array, Sampling(1e-3, repetition_penalty=2.0), tokens) == chosen
    assert array.tolist() == logits


def test_tokens_ruled_out_are_never_chosen():
    assert set(draws(Sampling(1.0), 50, np.array([-np.inf, 0.0, -np.inf]))) == {1}


def test_nan_is_an_error():
    with pytest.raises(Unserved, match="NaN"):
        choose(np.array([0.0, np.nan]), Sampling(), [])


def test_the_settings_are_what_the_device_takes():
    greedy = Sampling().settings(10)
    assert greedy.sampled == 0
    assert greedy.floats().tolist() == [1.0, 1.0, 1.0]
    penalised = Sampling(repetition_penalty=2.0).settings(10)
    assert (penalised.sampled, penalised.top_k) == (1, 1)
    drawn = Sampling(0.5, 3, 0.25, 2**64 - 1, 1.5).settings(10)
    assert drawn.sampled == 1
    assert drawn.floats().tolist() == [0.5, 0.25, 1.5]
    assert drawn.integers().tolist() == [3, -1]
    assert Sampling(1.0, top_k=10).settings(10).integers().tolist() == [0, 0]
