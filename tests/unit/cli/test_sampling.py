"""The choice of a token."""

from __future__ import annotations

import numpy as np
import pytest

from lpuc.errors import UserError
from lpuc.sampling import Sampling, choose, uniform

LOGITS = np.log(np.array([0.1, 0.4, 0.2, 0.3], np.float32))


def test_greedy_takes_the_lowest_id_among_equals():
    assert choose(np.array([1.0, 3.0, 3.0]), Sampling(), 0) == 1


def test_a_choice_depends_on_seed_and_index_alone():
    sampling = Sampling(temperature=1.0, seed=7)
    first = [choose(LOGITS, sampling, i) for i in range(50)]
    assert first == [choose(LOGITS, sampling, i) for i in range(50)]
    assert first != [choose(LOGITS, Sampling(temperature=1.0, seed=8), i) for i in range(50)]


def test_the_generator_does_not_change():
    assert uniform(0, 0) == 0.011546754286331562
    assert uniform(2**64 - 1, 5) == 0.46292535650502586


def test_frequencies_follow_the_logits():
    counts = np.bincount([choose(LOGITS, Sampling(1.0), i) for i in range(4000)], minlength=4)
    np.testing.assert_allclose(counts / 4000, [0.1, 0.4, 0.2, 0.3], atol=0.03)


@pytest.mark.parametrize(
    ("sampling", "allowed"),
    [
        (Sampling(1.0, top_k=1), {1}),
        (Sampling(1.0, top_k=2), {1, 3}),
        (Sampling(1.0, top_p=0.4), {1}),
        (Sampling(1.0, top_p=0.69), {1, 3}),
        (Sampling(1.0, top_p=1.0), {0, 1, 2, 3}),
        (Sampling(1.0, top_k=99), {0, 1, 2, 3}),
        (Sampling(1e-4), {1}),
    ],
)
def test_only_likely_tokens_are_chosen(sampling: Sampling, allowed: set[int]):
    assert {choose(LOGITS, sampling, i) for i in range(400)} == allowed


def test_tokens_ruled_out_are_never_chosen():
    logits = np.array([-np.inf, 0.0, -np.inf])
    assert {choose(logits, Sampling(1.0), i) for i in range(50)} == {1}


def test_nan_is_an_error():
    with pytest.raises(UserError, match="NaN"):
        choose(np.array([0.0, np.nan]), Sampling(), 0)
