"""
Watch a pipeline from outside: print IR, dump it, time passes, verify, keep what shows a bug.

Everything goes to stderr or to files, never to stdout, which carries results. IR is printed with
locations, so that every dump says which ONNX nodes an operation came from and can be read back.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from lpuc.compiler.dump import IrDump
from lpuc.compiler.progress import at_work
from lpuc.errors import InternalError, UserError
from lpuc.files.disk import write_text

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass

REPRODUCER = Path("lpuc-reproducer.mlir")
VERIFY_EACH = False
"""Whether modules are verified behind each pass even when nobody asks for it: in tests they are."""


def ir_text(module: ModuleOp, locations: bool = True) -> str:
    """A module as text."""
    from xdsl.printer import Printer

    stream = StringIO()
    Printer(stream, print_debuginfo=locations).print_op(module)
    return stream.getvalue() + "\n"


def count_ops(module: ModuleOp) -> int:
    """The operations of a module, itself included."""
    return sum(1 for _ in module.walk())


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


@dataclass(frozen=True)
class Timing:
    """One line of the table of `--time-passes`."""

    name: str
    seconds: float
    ops: int


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
            self._print_timings()

    @contextmanager
    def around(
        self, one: ModulePass, module: ModuleOp, rest: Sequence[ModulePass]
    ) -> Generator[None]:
        """Around one pass; `rest` is this pass and those that follow."""
        if one.name in self.watch.before:
            _show(f"IR before {one.name}", ir_text(module))
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
            if _is_users(error):
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
            _show(f"IR after {one.name}", text or ir_text(module))

    def _internal(
        self, error: Exception, rest: Sequence[ModulePass], where: str | None = None
    ) -> InternalError:
        """The report of a bug, with the IR that shows it in a file."""
        pipeline = ",".join(str(p.spec()) for p in rest)
        where = where or f"pass '{rest[0].name}'"
        message = f"{where}: {type(error).__name__}: {error}{_nodes(error)}"
        return _reported(message, pipeline, self._before, self.reproducer)

    def _before(self) -> ModuleOp:
        """The module before the pass that failed, made anew."""
        from lpuc.compiler.pipeline import make_context

        assert self._again is not None, "nobody watches the pipeline"
        module, context = self._again(), make_context()
        for one in self._done:
            one.apply(context, module)
        return module

    def _print_timings(self) -> None:
        if not self.watch.time_passes:
            return
        total = sum(t.seconds for t in self.timings)
        rows = [*self.timings, Timing("total", total, self.timings[-1].ops if self.timings else 0)]
        width = max(len(row.name) for row in rows)
        print(f"{'pass':{width}}  {'ms':>9}  {'%':>5}  {'ops after':>9}", file=sys.stderr)
        for row in rows:
            share = 100 * row.seconds / total if total else 0.0
            line = f"{row.name:{width}}  {row.seconds * 1e3:9.1f}  {share:5.1f}  {row.ops:9}"
            print(line, file=sys.stderr)


def _reported(
    message: str, pipeline: str, before: Callable[[], ModuleOp], reproducer: Path
) -> InternalError:
    """A bug, with the IR that shows it and the passes to run on it in a file."""
    with suppress(Exception):  # the bug itself matters more
        write_text(reproducer, f"// RUN: xdsl-opt %s -p '{pipeline}'\n{ir_text(before())}")
        return InternalError(message, reproducer)
    return InternalError(message)


@contextmanager
def emitting(module: ModuleOp, reproducer: Path = REPRODUCER) -> Generator[None]:
    """
    Around the encoding of a module, behind all passes; a bug leaves the module in a file.

    What several devices tell each other is no model's choice: where it is not proved, that is one.
    """
    from runtime.errors import RuntimeFault
    from runtime.ring.checks.compile import Unproved

    try:
        yield
    except Exception as error:
        is_fault = isinstance(error, RuntimeFault) and not isinstance(error, Unproved)
        if _is_users(error) or is_fault:
            raise
        message = f"emission: {type(error).__name__}: {error}"
        raise _reported(message, "", lambda: module, reproducer) from error


def _judge(module: ModuleOp) -> None:
    """All that must hold of a module, by our rules."""
    from dialects.verification import verify_module

    verify_module(module)


def _verify(module: ModuleOp) -> None:
    """The same, and by xDSL's, which ask each operation anew and take twice as long."""
    _judge(module)
    module.verify()


def _nodes(error: Exception) -> str:
    """The ONNX nodes of the operation that a rule refused."""
    from dialects.errors import node_names
    from dialects.refusal import Refused

    names = ", ".join(node_names(error.op)) if isinstance(error, Refused) else ""
    return f" (ONNX: {names})" if names else ""


def _show(title: str, text: str) -> None:
    print(f"// ----- {title} -----\n{text}", file=sys.stderr)


def _is_users(error: Exception) -> bool:
    """Whether the model or its files, and not the pass, are at fault."""
    from dialects.errors import CompileError

    return isinstance(error, CompileError | UserError | OSError | MemoryError)
