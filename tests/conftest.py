"""
Collect lit files as tests, keep numpy's matrix products on one thread, verify behind passes,
ask no property test for the time that it takes, draw the same for each test in any order and run,
keep reproducers out of the way. Tests that take minutes run only when asked for: `pytest -m slow`.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from lpuc.cli import NEW_OBJECTS
from lpuc.cli.threads import limit_threads
from lpuc.compiler import instrument
from lpuc.compiler.watching import reproducer

limit_threads(1)
gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])  # as the command does
settings.register_profile(
    "the same each time",
    max_examples=40,  # always the same ones: more would be asked for in vain by every run
    deadline=None,  # how long an example takes is up to what else the machine does
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
settings.load_profile("the same each time")
with suppress(ImportError, AttributeError):
    # Where hypothesis draws numbers that stand in modules, too, those are of all that are imported
    # when a test begins, which is up to the tests before it; to read them takes seconds.
    from hypothesis.internal.conjecture import providers

    providers._get_local_constants = providers.Constants  # pyright: ignore

from runtime.native.library import Serving  # noqa: E402
from tests import costs, spreading  # noqa: E402
from tests.lit_runner import LitFailure, check_lit  # noqa: E402
from tests.verifying import Once  # noqa: E402

instrument.VERIFY_EACH = Once()

FILECHECK = Path(__file__).parent / "filecheck"
_AT_FIRST: dict[np.random.Generator, Any] = {}
"""The state in which a module's import left its generators."""


def pytest_addoption(parser: pytest.Parser) -> None:
    costs.add_option(parser)


def pytest_configure(config: pytest.Config) -> None:
    costs.register(config)
    config.addinivalue_line("markers", "slow: takes minutes; runs with -m slow only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out unless the user chooses by marker."""
    if config.getoption("markexpr"):
        return
    kept, slow = list[pytest.Item](), list[pytest.Item]()
    for item in items:
        (slow if item.get_closest_marker("slow") else kept).append(item)
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = kept


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> spreading.ByFile | None:
    return spreading.ByFile(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    return spreading.name_of(val, argname)


@cache
def generators(module: ModuleType) -> list[np.random.Generator]:
    return [value for value in vars(module).values() if isinstance(value, np.random.Generator)]


@pytest.fixture(autouse=True)
def draw_from_the_start(request: pytest.FixtureRequest) -> None:
    """The generators of a test's module draw the same in any order of tests, on any worker."""
    for generator in generators(request.module):
        state = _AT_FIRST.setdefault(generator, generator.bit_generator.state)
        generator.bit_generator.state = state


@pytest.fixture
def numpy_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices made by this test multiply without a native kernel."""
    monkeypatch.setattr("runtime.device.device.serving", lambda: Serving(None, "a test"))


@pytest.fixture(autouse=True, scope="session")
def put_reproducers_away(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a test makes fail on purpose leaves nothing in the folder that tests run in."""
    reproducer.FOLDER = tmp_path_factory.mktemp("reproducers")


class LitItem(pytest.Item):
    """One lit file."""

    def runtest(self) -> None:
        check_lit(self.path)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:
        if isinstance(excinfo.value, LitFailure):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"lit: {self.path.relative_to(FILECHECK)}"


class LitFile(pytest.File):
    """A lit file holds one test: all of its RUN lines, and that they need each of its cases."""

    def collect(self) -> Iterator[LitItem]:
        yield LitItem.from_parent(self, name="lit")


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay until the end: no search for garbage looks at them."""
    gc.freeze()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> LitFile | None:
    if file_path.suffix == ".mlir" and file_path.is_relative_to(FILECHECK):
        return LitFile.from_parent(parent, path=file_path)
    return None
