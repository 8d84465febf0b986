"""The inputs on which a model is judged cover what a decoder is asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lpuc.levels.cases import LONGEST, STEPS, Case, Cases
from lpuc.levels.decoder import cache_pairs, vocabulary_of
from runtime.numerics.elements import ElementType
from runtime.program.interface import Dim, Interface, Port, Symbol

F32, I64 = ElementType.F32, ElementType.I64
IDS = 50


def port(name: str, role: str, dtype: ElementType, *shape: Dim | int) -> Port:
    dims = tuple(Dim(extent) if isinstance(extent, int) else extent for extent in shape)
    return Port(name, dtype, dtype, dims, (), 0, role)


def decoder(batch: int = 2, new: int = 3, upper: int = 61) -> Interface:
    past, total = Dim(0, (("P", 1),)), Dim(new, (("P", 1),))
    before = [port(f"past.{k}", "past", F32, batch, 2, past, 4) for k in ("0.key", "0.value")]
    after = [port(f"now.{k}", "present", F32, batch, 2, total, 4) for k in ("0.value", "0.key")]
    return Interface(
        inputs=(
            port("input_ids", "ids", I64, batch, new),
            port("attention_mask", "mask", I64, batch, total),
            port("position_ids", "positions", I64, batch, new),
            *before,
        ),
        outputs=(port("logits", "data", F32, batch, new, IDS), *after),
        symbols=(Symbol("P", 1, 0, upper),),
        params_size=0,
        arena_base=0,
        arena_size=0,
    )


def thorough(interface: Interface, seed: int = 0) -> dict[str, Case]:
    found = list(Cases(interface, seed).thorough())
    assert len({case.name for case in found}) == len(found)
    return {case.name: case for case in found}


def lengths(cases: dict[str, Case]) -> set[int]:
    return {c.inputs["past.0.key"].shape[2] for c in cases.values() if not c.carried}


def test_the_cache_is_empty_full_and_in_between():
    found = lengths(thorough(decoder()))
    assert {0, 61} <= found
    assert len(found) >= 6


def test_ids_are_those_of_the_whole_vocabulary():
    cases = thorough(decoder())
    ids = np.concatenate([case.inputs["input_ids"].ravel() for case in cases.values()])
    assert vocabulary_of(decoder()) == IDS
    assert (ids.min(), ids.max()) == (0, IDS - 1)
    assert len(set(ids.tolist())) > IDS / 2


def test_masks_are_dispersed_and_left_padded_and_new_tokens_are_seen():
    cases = thorough(decoder())
    masks = {name: case.inputs["attention_mask"] for name, case in cases.items()}
    assert all((mask[:, -3:] == 1).all() for mask in masks.values())
    left = masks["left-padded mask"]
    assert (np.diff(left, axis=1) >= 0).all() and (left[:, 0] == 0).all()
    assert (np.diff(masks["dispersed mask"], axis=1) < 0).any()
    positions = cases["left-padded mask"].inputs["position_ids"]
    assert (positions[:, -1] == left.sum(axis=1) - 1).all()


def test_steps_go_on_from_what_the_one_before_left():
    steps = [case for name, case in thorough(decoder()).items() if name.startswith("step ")]
    assert len(steps) == STEPS
    assert steps[0].inputs["past.0.key"].shape[2] == 0
    for index, step in enumerate(steps[1:], 1):
        assert step.carried == {"past.0.key": "now.0.key", "past.0.value": "now.0.value"}
        assert step.inputs["attention_mask"].shape == (2, 3 * index + 3)
        assert step.inputs["position_ids"][0].tolist() == list(range(3 * index, 3 * index + 3))


def test_a_cache_is_paired_by_name_before_order():
    pairs = [(a.name, b.name) for a, b in cache_pairs(decoder())]
    assert pairs == [("past.0.key", "now.0.key"), ("past.0.value", "now.0.value")]


def test_names_of_exporters_tell_layer_and_part_among_other_outputs():
    interface = decoder()
    names = {"past.0.key": "past_key_values.0.key", "past.0.value": "past_key_values.0.value"}
    names |= {"now.0.key": "present.0.key", "now.0.value": "present.0.value"}
    inputs = tuple(replace(p, name=names.get(p.name, p.name)) for p in interface.inputs)
    outputs = tuple(replace(p, name=names.get(p.name, p.name)) for p in interface.outputs)
    scores = replace(outputs[-1], name="scores", role="data")
    pairs = cache_pairs(replace(interface, inputs=inputs, outputs=(scores, *outputs)))
    assert [(a.name, b.name) for a, b in pairs] == [
        ("past_key_values.0.key", "present.0.key"),
        ("past_key_values.0.value", "present.0.value"),
    ]


def test_nothing_is_longer_than_numpy_executes():
    assert max(lengths(thorough(decoder(upper=1 << 20)))) == LONGEST


@pytest.mark.parametrize("seed", [0, 5])
def test_a_seed_gives_the_same_inputs(seed: int):
    one, two = thorough(decoder(), seed), thorough(decoder(), seed)
    for name, case in one.items():
        for key, array in case.inputs.items():
            np.testing.assert_array_equal(array, two[name].inputs[key])


def test_a_model_without_extents_has_two_cases():
    x = port("x", "data", F32, 4)
    whole = Interface((x,), (port("y", "data", F32, 4),), (), 0, 0, 0)
    assert [case.name for case in Cases(whole).thorough()] == ["random", "random again"]


def test_a_text_fits_the_room():
    cases = Cases(decoder())
    assert not list(cases.texts(1, is_drawn=True))
    (short,) = cases.texts(3, is_drawn=False)
    assert len(short.prompt) + short.count == 3
    assert [t.name for t in cases.texts(60, is_drawn=True)] == ["greedy", "drawn"]
