"""The tests of a file run in one process, in their order, and their names are short."""

import pytest

RAN: list[int] = []
NAME = 500
"""Characters of the name of a test; processes send it several times."""


@pytest.mark.parametrize("turn", range(6))
def test_the_tests_of_a_file_run_where_the_first_has_run(turn: int, request: pytest.FixtureRequest):
    RAN.append(turn)
    turns = [
        item.callspec.params["turn"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.function is request.function
    ]
    assert turns[: len(RAN)] == RAN


def test_names_are_short(request: pytest.FixtureRequest):
    assert not [item.nodeid[:80] for item in request.session.items if len(item.nodeid) > NAME]


@pytest.mark.parametrize("text", ["x" * 9999, b"\0" * (1 << 20)])
def test_a_long_text_is_named_by_its_length(text: str | bytes, request: pytest.FixtureRequest):
    assert f"text_of_{len(text)}" in request.node.nodeid
