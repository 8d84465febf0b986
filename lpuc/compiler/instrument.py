"""
Watch a pipeline from outside: print IR, dump it, time passes, verify, keep what shows a bug.

Everything goes to stderr or to files, never to stdout, which carries results. IR is printed with
locations, so that every dump says which ONNX nodes an operation came from and can be read back.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lpuc.compiler.dumping.course import Course
from lpuc.compiler.progress import at_work
from lpuc.compiler.watching.checks import check_all_rules, check_removed, check_rules
from lpuc.compiler.watching.failures import emitting, is_users, reported
from lpuc.compiler.watching.printing import Prints, ir_text
from lpuc.compiler.watching.reproducer import Place, Recipe
from lpuc.compiler.watching.timing import Timing, count_ops, print_timings
from lpuc.errors import InternalError, printable

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass

    from lpuc.compiler.dumping.folder import IrDump, Verdict
    from lpuc.compiler.dumping.texts import Texts
    from lpuc.compiler.watching.statistics import Statistics
    from lpuc.diagnosis.checking import NumericsCheck

__all__ = ["Instrumentation", "Prints", "Watch", "emitting", "ir_text"]

VERIFY_EACH: Callable[[ModuleOp, str, Callable[[], None]], None] | None = None
"""
What verifies behind each pass even when nobody asks for it: tests have something that does.

It gets a module, what was done to it last, and what raises where a rule is broken.
"""


@dataclass(frozen=True)
class Watch:
    """What the user asked to see."""

    prints: Prints = field(default_factory=Prints)
    dump_dir: Path | None = None
    time_passes: bool = False
    verify_each: bool = False
    check_numerics: bool = False
    statistics: bool = False
    areas: frozenset[str] = frozenset()
    """Areas of `passes.rewriting.remarks` of which passes speak."""
    reproducer: Path | None = None
    """Where a bug is written; in the current folder, under a free name, if None."""


@dataclass
class Instrumentation:
    """Runs around each pass of a pipeline, in order."""

    watch: Watch = field(default_factory=Watch)
    reproducer: Path | None = None
    replayed: Path | None = None
    """The reproducer that is run, if one is: the bug that it shows is not written again."""
    timings: list[Timing] = field(default_factory=list[Timing])
    statistics: list[Statistics] = field(default_factory=list["Statistics"])
    verdicts: list[Verdict] = field(default_factory=list["Verdict"])
    """What judges say of the pass that runs, for the index of a dump."""
    _dump: IrDump | None = None
    _texts: Texts | None = None
    _structure: list[int] | None = None
    _check: NumericsCheck | None = None
    _again: Callable[[], ModuleOp] | None = None
    _done: list[ModulePass] = field(default_factory=list["ModulePass"])

    @property
    def place(self) -> Place:
        """Where a reproducer goes."""
        return Place(self.reproducer or self.watch.reproducer, self.replayed)

    @contextmanager
    def watching(
        self,
        module: ModuleOp,
        again: Callable[[], ModuleOp] | None = None,
        course: Course | None = None,
    ) -> Generator[None]:
        """
        Around a whole pipeline, the `course`; the module is as it was imported or read.

        `again` makes an equal module. The IR before a pass that fails is what the passes before it
        make of that one: copies on the way would cost more than the passes.
        """
        self._again, self._done = again or module.clone().clone, []
        self.watch.prints.check(module)
        if self.watch.dump_dir is not None:
            from lpuc.compiler.dumping.folder import IrDump  # only then

            self._dump = IrDump(self.watch.dump_dir, course or Course())
            self._dump.begin(module)
        if self.watch.check_numerics:
            from lpuc.diagnosis.checking import NumericsCheck  # only then

            self._check = NumericsCheck(module)
        try:
            with _hearing(self.watch.areas):
                yield
        finally:
            self._print_tables()

    @contextmanager
    def around(
        self, one: ModulePass, module: ModuleOp, rest: Sequence[ModulePass]
    ) -> Generator[None]:
        """Around one pass; `rest` is this pass and those that follow."""
        prints, self.verdicts = self.watch.prints, []
        prints.show_before(one, module)
        if prints.after_change and self._structure is None:
            self._is_changed(module)
        try:
            with at_work(one.name), self._counting(one, module), self._checking(rest):
                started = time.perf_counter()
                yield
                seconds = time.perf_counter() - started
            if self.watch.verify_each:
                check_all_rules(module)
                check_removed(module, one)
                self.verdicts.append({"by": "verify", "right": True})
            elif VERIFY_EACH is not None:
                VERIFY_EACH(module, str(one.spec()), partial(check_rules, module))
        except Exception as error:
            prints.show_failed(one, module)
            if self._dump is not None:
                self._dump.add_failed(one, error, self.verdicts)
            if is_users(error):
                raise
            raise self._crash(error, rest) from error
        self._done.append(one)
        if self.watch.time_passes:
            self.timings.append(Timing(one.name, seconds, count_ops(module)))
        if self._dump is not None:
            self._dump.add(one, module, seconds, self.verdicts)
        self._after(one, module)

    @contextmanager
    def judging(self, what: str, module: ModuleOp, level: str | None = None) -> Generator[None]:
        """
        Verify what passes have made, a stage or a pipeline; what else is checked comes first.

        `level` is what the IR is to be of, where that is checked.
        """
        from xdsl.utils.exceptions import VerifyException

        try:
            yield
            check_rules(module)
            if VERIFY_EACH is not None:
                VERIFY_EACH(module, what, module.verify)
        except VerifyException as error:
            raise self._blame(what, error, level) from error

    def _crash(self, error: Exception, rest: Sequence[ModulePass]) -> InternalError:
        """The report of a pass that failed, or of one before it that is to blame."""
        if self._check is not None and error is self._check.found:
            index, broken = self._check.passed, error
        else:
            index, broken = self._first_broken()
        if broken is None or index == len(self._done):
            return self._internal(error, rest)
        done, self._done = self._done, self._done[:index]
        return self._internal(broken, [*done[index:], *rest])

    def _blame(self, what: str, error: Exception, level: str | None) -> InternalError:
        """The report of a pass that broke a rule: the first behind which the module breaks one."""
        index, broken = self._first_broken()
        done, self._done = self._done, self._done[:index]
        if broken is None:
            return self._internal(error, done, what, level)
        return self._internal(broken, done[index:])

    def _first_broken(self) -> tuple[int, Exception | None]:
        """Which of the passes that are done broke a rule, made anew, and how; 0 if none did."""
        from lpuc.compiler.pipeline import make_context

        assert self._again is not None, "nobody watches the pipeline"
        module, context = self._again(), make_context()
        for index, one in enumerate(self._done):
            one.apply(context, module)
            try:
                check_all_rules(module)
            except Exception as first:  # whatever it is, the pass behind it is the one to name
                return index, first
        return 0, None

    def _is_changed(self, module: ModuleOp) -> bool:
        """Whether the module is another than at the last time."""
        from lpuc.compiler.dumping.texts import Texts

        self._texts = self._texts or Texts()
        before, self._structure = self._structure, self._texts.structure(module)
        return before != self._structure

    def _after(self, one: ModulePass, module: ModuleOp) -> None:
        is_changed = self.watch.prints.after_change and self._is_changed(module)
        self.watch.prints.show_after(one, module, is_changed)

    def _internal(
        self,
        error: Exception,
        rest: Sequence[ModulePass],
        where: str | None = None,
        level: str | None = None,
    ) -> InternalError:
        """The report of a bug, with the IR that shows it in a file."""
        recipe = Recipe(",".join(str(p.spec()) for p in rest), level)
        named = where or f"pass '{rest[0].name}'"
        report = reported(error, named, recipe, self._before, self.place, where is None)
        report.where = rest[0].name if where is None else None
        if self._check is not None and error is self._check.found:
            report.flags = " --check-numerics"
        return report

    def _before(self) -> ModuleOp:
        """The module before the pass that failed, made anew."""
        from lpuc.compiler.pipeline import make_context

        assert self._again is not None, "nobody watches the pipeline"
        module, context = self._again(), make_context()
        for one in self._done:
            one.apply(context, module)
        return module

    @contextmanager
    def _counting(self, one: ModulePass, module: ModuleOp) -> Generator[None]:
        if not self.watch.statistics:
            yield
            return
        from lpuc.compiler.watching.statistics import counting

        with counting(one, module, self.statistics):
            yield

    @contextmanager
    def _checking(self, rest: Sequence[ModulePass]) -> Generator[None]:
        if self._check is None:
            yield
            return
        with self._check.around(rest[0], is_last=len(rest) == 1):
            yield
        if self._check.cases:
            known = self._check.compared(rest[0])
            self.verdicts.append({"by": "check-numerics", "right": True, **known})

    def _print_tables(self) -> None:
        if self._check is not None and not self._check.cases:
            _say("note: --check-numerics has judged nothing: what 'step' takes cannot be told")
        for line in () if self._check is None else self._check.search.left():
            _say(f"note: --check-numerics: {line}")
        if self.watch.time_passes:
            print_timings(self.timings)
        if self.watch.statistics:
            from lpuc.compiler.watching.statistics import print_statistics

            print_statistics(self.statistics)


@contextmanager
def _hearing(areas: frozenset[str]) -> Generator[None]:
    """Show what passes say about some areas, a line each, on stderr."""
    with ExitStack() as stack:
        if areas:
            from passes.rewriting.remarks import heard

            stack.enter_context(heard(sorted(areas), _say))
        yield


def _say(line: str) -> None:
    print(printable(line), file=sys.stderr)
