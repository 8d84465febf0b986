"""Which output continues a cache: by place, by words, by parts of names, by order; else none."""

import pytest

from runtime.generation.decoder import Decoder
from runtime.numerics.elements import ElementType
from runtime.program.interface import Dim, Interface, Port
from runtime.program.presents import presents

F32 = ElementType.F32
PAST, TOTAL = Dim(0, (("P", 1),)), Dim(1, (("P", 1),))


def port(name: str, *shape: Dim | int, role: str = "data", place: int | None = None) -> Port:
    dims = tuple(Dim(extent) if isinstance(extent, int) else extent for extent in shape)
    strides = () if place is None else tuple(Dim(4) for _ in dims)
    return Port(name, F32, F32, dims, strides, place or 0, role)


def caches(*names: str, role: str = "past", places: bool = False) -> list[Port]:
    return [
        port(name, 1, 2, PAST, 4, role=role, place=256 * n if places else None)
        for n, name in enumerate(names, 1)
    ]


def after(*names: str, places: tuple[int, ...] = ()) -> list[Port]:
    return [
        port(name, 1, 2, TOTAL, 4, place=256 * places[n] if places else None)
        for n, name in enumerate(names)
    ]


def found(inputs: list[Port], outputs: list[Port]) -> dict[str, str]:
    interface = Interface(tuple(inputs), tuple(outputs), (), 0, 0, 0)
    return {past: present.name for past, present in presents(interface).items()}


SCORES = port("scores", 1, 2, 1, TOTAL)


@pytest.mark.parametrize(
    ("past", "outputs", "expected"),
    [
        (["past.0", "past.1"], ["present.1", "present.0"], ["present.0", "present.1"]),
        (["past_key_values.0.key"], ["present.0.value", "present.0.key"], ["present.0.key"]),
        (["cache_0_key", "cache_1_key"], ["out_1_key", "out_0_key"], ["out_0_key", "out_1_key"]),
        (["k_in", "v_in"], ["first", "second"], ["first", "second"]),
        (["cache_k", "cache_v"], ["new_v", "new_k"], ["new_k", "new_v"]),
        (["past.0", "a"], ["b", "present.0"], ["present.0", "b"]),
    ],
    ids=["words", "endings", "parts", "order", "last word", "order of what is left"],
)
def test_what_continues_a_cache(past: list[str], outputs: list[str], expected: list[str]) -> None:
    assert found(caches(*past), after(*outputs)) == dict(zip(past, expected, strict=True))


@pytest.mark.parametrize(
    ("past", "outputs"),
    [
        (["a", "b"], ["c"]),
        (["a"], ["c", "d"]),
        (["past.0"], []),
        (["x_0"], ["y_0", "z_0"]),
        (["x_0_key", "y_0_key"], ["z_0_key", "u_0_value", "w_0_value"]),
    ],
    ids=["too few", "too many", "none", "two of the same parts", "two inputs of the same parts"],
)
def test_what_two_could_be_is_not_guessed(past: list[str], outputs: list[str]) -> None:
    assert not found(caches(*past), after(*outputs))


def test_place_tells_before_names() -> None:
    """What the compiler put into one place is one cache, whatever it is called."""
    outputs = after("present.0", "present.1", places=(2, 1))
    names = found(caches("past.0", "past.1", places=True), outputs)
    assert names == {"past.0": "present.1", "past.1": "present.0"}


def test_another_output_of_the_rank_is_in_nobodys_way() -> None:
    names = found(caches("past.0.key"), [SCORES, *after("present.0.key")])
    assert names == {"past.0.key": "present.0.key"}


def test_a_state_that_is_replaced_has_the_extents_of_its_present() -> None:
    state, other = port("s", 1, 3, 4, role="recurrent"), port("u", 1, 3, 5, role="recurrent")
    outputs = [port("logits", 1, 3, 6), port("b", 1, 3, 5), port("a", 1, 3, 4)]
    assert found([state, other], outputs) == {"s": "a", "u": "b"}


def test_generating_goes_on_with_the_same_caches() -> None:
    """Outputs in another order than inputs were taken in turn."""
    ids = Port("ids", ElementType.I64, ElementType.I64, (Dim(1), Dim(1)), (), 0, "ids")
    outputs = (port("logits", 1, 1, 7), *after("new_1_key", "new_0_key"))
    decoder = Decoder.of(Interface((ids, *caches("c_0_key", "c_1_key")), outputs, (), 0, 0, 0))
    assert [p.name for p in decoder.present] == ["new_0_key", "new_1_key"]
