"""
What tests cost, in seconds of a processor, so that the suite does not become slow unnoticed.

With `--costs`, which is on in CI, a test that takes much more than `LIMIT` fails unless its marker
`costs(seconds)` says how much it may take, and the end names the files that take the most. What a
fixture takes counts for the test that asked for it first; so do processes that have ended.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest

LIMIT = 10.0
"""Seconds that a test may take."""
CROWDED = 3.0
"""As much longer takes the same on a machine that others use, too; beyond that a test fails."""
SHOWN = 10
"""Files that are named at the end."""


def add_option(parser: pytest.Parser) -> None:
    parser.addoption(
        "--costs", action="store_true", default=os.environ.get("CI") == "true",
        help="fail what takes more processor time than it may, and name the slowest files",
    )  # fmt: skip


def register(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "costs(seconds): may take so much processor time")
    if config.getoption("costs"):
        config.pluginmanager.register(Costs(), "costs")


def seconds_of_processor() -> float:
    """Those of this process and of its children that have ended."""
    return sum(os.times()[:4])


class Costs:
    """Measures where tests run; adds up where they are reported."""

    def __init__(self) -> None:
        self.started = seconds_of_processor()
        self.files: Counter[str] = Counter()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, Any, Any]:
        self.started = seconds_of_processor()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        taken = seconds_of_processor() - self.started
        if report.when == "teardown":
            report.costs = taken  # type: ignore[attr-defined]
        if report.when == "call" and report.passed and taken > CROWDED * allowed(item):
            report.outcome = "failed"
            report.longrepr = (
                f"it takes {taken:.1f} s of a processor; {allowed(item):g} s is the most"
            )
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.files[report.nodeid.partition("::")[0]] += getattr(report, "costs", 0)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        total = sum(self.files.values())
        terminalreporter.section(f"{total:.0f} s of a processor, most of it in")
        for name, seconds in self.files.most_common(SHOWN):
            terminalreporter.write_line(f"{seconds:8.1f} s  {name}")


def allowed(item: pytest.Item) -> float:
    """How much a test may take."""
    marker = item.get_closest_marker("costs")
    return LIMIT if marker is None else marker.args[0]
