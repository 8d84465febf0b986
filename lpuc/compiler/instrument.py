"""
Watch a pipeline from outside: print IR, dump it, time passes, verify, keep what shows a bug.

Everything goes to stderr or to files, never to stdout, which carries results. IR is printed with
locations, so that every dump says which ONNX nodes an operation came from and can be read back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lpuc.compiler.dump import IrDump
from lpuc.compiler.progress import at_work
from lpuc.compiler.watching.failures import (
    REPRODUCER,
    emitting,
    is_users,
    refused_nodes,
    reported,
)
from lpuc.compiler.watching.printing import ir_text, show
from lpuc.compiler.watching.timing import Timing, count_ops, print_timings
from lpuc.errors import InternalError

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass

__all__ = ["Instrumentation", "Watch", "emitting", "ir_text"]

VERIFY_EACH = False
"""Whether modules are verified behind each pass even when nobody asks for it: in tests they are."""


@dataclass(frozen=True)
class Watch:
    """What the user asked to see."""

    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    after_all: bool = False
    after_change: bool = False
    dump_dir: Path | None = None
    time_passes: bool = False
    verify_each: bool = False


@dataclass
class Instrumentation:
    """Runs around each pass of a pipeline, in order."""

    watch: Watch = field(default_factory=Watch)
    reproducer: Path = REPRODUCER
    timings: list[Timing] = field(default_factory=list[Timing])
    _dump: IrDump | None = None
    _text: str | None = None
    _again: Callable[[], ModuleOp] | None = None
    _done: list[ModulePass] = field(default_factory=list["ModulePass"])

    @contextmanager
    def watching(
        self, module: ModuleOp, again: Callable[[], ModuleOp] | None = None
    ) -> Generator[None]:
        """
        Around a whole pipeline; the module is as it was imported or read.

        `again` makes an equal module. The IR before a pass that fails is what the passes before it
        make of that one: copies on the way would cost more than the passes.
        """
        self._again, self._done = again or module.clone().clone, []
        if self.watch.dump_dir is not None:
            self._dump = IrDump(self.watch.dump_dir)
            self._dump.add("import", "", self._current(module))
        try:
            yield
        finally:
            if self.watch.time_passes:
                print_timings(self.timings)

    @contextmanager
    def around(
        self, one: ModulePass, module: ModuleOp, rest: Sequence[ModulePass]
    ) -> Generator[None]:
        """Around one pass; `rest` is this pass and those that follow."""
        if one.name in self.watch.before:
            show(f"IR before {one.name}", ir_text(module))
        if self.watch.after_change and self._text is None:
            self._current(module)
        started = time.perf_counter()
        try:
            with at_work(one.name):
                yield
            seconds = time.perf_counter() - started
            if self.watch.verify_each:
                _verify(module)
            elif VERIFY_EACH:
                _judge(module)
        except Exception as error:
            if is_users(error):
                raise
            raise self._internal(error, rest) from error
        self._done.append(one)
        if self.watch.time_passes:
            self.timings.append(Timing(one.name, seconds, count_ops(module)))
        self._after(one, module)

    @contextmanager
    def judging(self, what: str, module: ModuleOp) -> Generator[None]:
        """Verify what passes have made, a stage or a pipeline; what else is checked comes first."""
        from xdsl.utils.exceptions import VerifyException

        try:
            yield
            if VERIFY_EACH:
                _verify(module)
            else:
                _judge(module)
        except VerifyException as error:
            raise self._blame(what, error) from error

    def _blame(self, what: str, error: Exception) -> InternalError:
        """The report of a pass that broke a rule: the first behind which the module breaks one."""
        from lpuc.compiler.pipeline import make_context

        assert self._again is not None, "nobody watches the pipeline"
        module, context, done = self._again(), make_context(), self._done
        for index, one in enumerate(done):
            one.apply(context, module)
            try:
                _verify(module)
            except Exception as first:  # whatever it is, the pass behind it is the one to name
                self._done = done[:index]
                return self._internal(first, done[index:])
        self._done = []
        return self._internal(error, done, what)

    def _current(self, module: ModuleOp) -> str:
        self._text = ir_text(module)
        return self._text

    def _after(self, one: ModulePass, module: ModuleOp) -> None:
        watch, text, changed = self.watch, "", False
        if watch.after_change or self._dump is not None:
            previous, text = self._text, self._current(module)
            changed = text != previous
        if self._dump is not None:
            self._dump.add(one.name, str(one.spec()), text if changed else None)
        asked = watch.after_all or one.name in watch.after
        if asked or (watch.after_change and changed):
            show(f"IR after {one.name}", text or ir_text(module))

    def _internal(
        self, error: Exception, rest: Sequence[ModulePass], where: str | None = None
    ) -> InternalError:
        """The report of a bug, with the IR that shows it in a file."""
        pipeline = ",".join(str(p.spec()) for p in rest)
        where = where or f"pass '{rest[0].name}'"
        message = f"{where}: {type(error).__name__}: {error}{refused_nodes(error)}"
        return reported(message, pipeline, self._before, self.reproducer)

    def _before(self) -> ModuleOp:
        """The module before the pass that failed, made anew."""
        from lpuc.compiler.pipeline import make_context

        assert self._again is not None, "nobody watches the pipeline"
        module, context = self._again(), make_context()
        for one in self._done:
            one.apply(context, module)
        return module


def _judge(module: ModuleOp) -> None:
    """All that must hold of a module, by our rules."""
    from dialects.verification import verify_module

    verify_module(module)


def _verify(module: ModuleOp) -> None:
    """The same, and by xDSL's, which ask each operation anew and take twice as long."""
    _judge(module)
    module.verify()
