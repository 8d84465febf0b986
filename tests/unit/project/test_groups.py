"""Tests of one group run in one process, or what they share is made several times."""

import pytest

pytestmark = pytest.mark.xdist_group("groups")


def test_a_group_is_part_of_the_name_by_which_tests_are_dealt_out(request: pytest.FixtureRequest):
    """pytest-xdist writes it there; a pytest that does not let it deals out tests one by one."""
    if not request.config.getoption("loadgroup", default=False):
        pytest.skip("tests are not dealt out by groups in this run")
    assert request.node.nodeid.endswith("@groups")
