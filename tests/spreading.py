"""How pytest-xdist spreads the tests over processes, each of which makes what they share once."""

from __future__ import annotations

from xdist.scheduler.loadgroup import LoadGroupScheduling

LONG = 200
"""Characters of a parameter that is no name any more: names go along with each report."""


class ByFile(LoadGroupScheduling):
    """
    The tests of a group go to one process, those of a file that are in no group, too.

    Files begin in their order: what takes long, `tests/e2e`, is not what the end waits for.
    """

    def _split_scope(self, nodeid: str) -> str:
        scope = super()._split_scope(nodeid)
        return nodeid.partition("::")[0] if scope == nodeid else scope

    def schedule(self) -> None:
        self.config.option.loadscopereorder = False
        super().schedule()


def name_of(value: object, argument: str) -> str | None:
    """The name of a parameter that is a long text; pytest names the others."""
    if isinstance(value, str | bytes) and len(value) > LONG:
        return f"{argument}_of_{len(value)}"
    return None
