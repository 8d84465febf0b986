"""Changes of copies of IR, made through the kernel: what it refuses is no candidate."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.traits import IsTerminator
from xdsl.utils.exceptions import VerifyException

from dialects.reading import all_within
from passes.analysis.functions import functions
from passes.rewriting.session import RewriteError, rewriting


class Impossible(Exception):
    """A change that makes no IR."""


def removable(module: ModuleOp) -> list[Operation]:
    """The operations that may go away, in order, the outer ones first."""
    found = [op for func in functions(module) for op in all_within(func)[1:]]
    return [op for op in found if not op.has_trait(IsTerminator)]


def changed(module: ModuleOp, change: Callable[[ModuleOp], None]) -> Iterator[ModuleOp]:
    """A copy with a change, if it is one that makes IR."""
    copy = module.clone()
    try:
        with rewriting("reduce"):
            change(copy)
    except (Impossible, RewriteError, VerifyException, AssertionError):
        return
    yield copy
