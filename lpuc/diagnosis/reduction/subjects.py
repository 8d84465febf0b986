"""
From a file that fails to the smallest that does: models and IR.

```python
found = of_model(Path("model.onnx"), CompileOptions(), Limits())
found.run()
found.search.best, found.failure
```

What counts as failing is the failure that the file shows at first, by kind, place and operation, or
what a program of the user's says. Whoever interrupts `run` finds the smallest so far in `search`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Generic, TypeVar

import onnx
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from dialects.errors import CompileError
from lpuc.compiler.driver import load_module, passes_of
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import make_context
from lpuc.compiler.plans import naming
from lpuc.compiler.watching.printing import ir_text
from lpuc.diagnosis.bisection import bisect
from lpuc.diagnosis.failure import Failure, Hang
from lpuc.diagnosis.limits import at_most
from lpuc.diagnosis.of_ir import READER
from lpuc.diagnosis.reduction import inputs as drawing
from lpuc.diagnosis.reduction.command import Command
from lpuc.diagnosis.reduction.ir import steps as ir
from lpuc.diagnosis.reduction.model import steps as model
from lpuc.diagnosis.reduction.model.case import Case
from lpuc.diagnosis.reduction.model.graph import Arrays
from lpuc.diagnosis.reduction.oracle import IrOracle, ModelOracle
from lpuc.diagnosis.reduction.search import MOST_TRIES, Search, Spent
from lpuc.errors import UsageError, UserError
from lpuc.files.disk import write_text
from lpuc.files.npz import write_npz
from runtime.errors import BadOption

T = TypeVar("T")
Judge = Callable[[Path, Arrays | None], Failure | None]
"""How a model in a file fails, called with some inputs."""

SECONDS = 60.0
COMPILE, VERIFY, BISECT = "compile", "verify", "bisect"
"""Commands that show failures: of passes, of numbers, and what calls of the reducer do not show."""
INPUTS = "inputs.npz"
"""The inputs of a model, beside it."""


@dataclass(frozen=True)
class Limits:
    """How long to try: tries in all, seconds for each; who is told of each."""

    tries: int = MOST_TRIES
    seconds: float | None = SECONDS
    shown: Callable[[int, int], None] = lambda _size, _tries: None
    """Given the size of the best, and the number of tries."""


@dataclass
class Subject(Generic[T]):
    """What is made smaller, and how it fails; None if a program of the user's says whether."""

    search: Search[T]
    failure: Failure | None
    size: Callable[[T], int]
    """Nodes or operations."""
    steps: Callable[[Search[T]], None]
    before: int = 0
    command: str = ""
    """The command of ours that shows the failure of a model."""
    is_spent: bool = False
    """Whether the tries did not last until nothing helped."""

    def run(self) -> None:
        """Make it as small as it gets."""
        try:
            self.steps(self.search)
        except Spent:
            self.is_spent = True


def _no_failure(what: str) -> UserError:
    return UserError(f"does not fail: {what}")


def of_model(
    path: Path,
    options: CompileOptions,
    limits: Limits,
    command: Command | None = None,
    given: Arrays | None = None,
) -> Subject[Case]:
    """A model, called with some inputs or drawn ones; `UserError` if it does not fail."""
    calls: list[Arrays] = [*([given] if given is not None else drawing.of_model(path, options))]
    failure, shown_by = (None, "") if command else _model_failure(path, options, limits, calls)
    is_thorough, shown_by = False, shown_by or BISECT
    if command is None and failure is None and given is None:
        failure = bisect(path, options, is_thorough=False).failure
        is_thorough = failure is None
        failure = failure or bisect(path, options).failure
    proto = _loaded(path)
    call = calls[0] if calls else drawing.of_shapes(proto, options.shape or {})
    case = Case(proto, [call])
    if command is not None:
        fails = _asked(command, path.name)
        if not fails(case):
            raise _no_failure("the test ends with another exit code than 0")
        search = _model_search(case, fails, limits)
        return Subject(search, None, _nodes, lambda s: model.reduce(s), case.nodes)
    if failure is None:
        raise _no_failure("it compiles, and its numbers are right")
    sought, oracle = failure, ModelOracle(options, limits.seconds, failure)
    judges: dict[str, Judge] = {
        BISECT: _bisected(options, limits, is_thorough),
        COMPILE: _compiled(oracle),
    }
    judge = judges.get(shown_by, oracle)
    search = _model_search(case, lambda c: sought.same(_judged(judge, c)), limits)
    steps = partial(model.reduce, nodes=sought.nodes)
    return Subject(search, sought, _nodes, steps, case.nodes, shown_by)


def _bisected(options: CompileOptions, limits: Limits, is_thorough: bool) -> Judge:
    """What `bisect` says of a model, on calls of its own; of other extents if it has to."""

    def judge(file: Path, _inputs: Arrays | None) -> Failure | None:
        try:
            with at_most(limits.seconds):
                return bisect(file, options, is_thorough=is_thorough).failure
        except (Hang, UserError, CompileError):
            return None

    return judge


def _compiled(oracle: ModelOracle) -> Judge:
    """How a model fails that need not be run for that."""
    return lambda file, _inputs: oracle(file)


def _nodes(case: Case) -> int:
    return case.nodes


def _model_failure(
    path: Path, options: CompileOptions, limits: Limits, calls: list[Arrays]
) -> tuple[Failure | None, str]:
    """
    How a model fails, and the command that shows it; the call that does becomes the first of all.
    """
    oracle = ModelOracle(options, limits.seconds)
    for index, call in enumerate(calls or [None]):
        failure, is_run = oracle.shown(path, call)
        if failure is not None:
            calls[: index + 1] = [] if call is None else [call]
            return failure, VERIFY if is_run else COMPILE
    return None, ""


def _loaded(path: Path) -> onnx.ModelProto:
    loader: Any = import_module("onnx")
    try:
        return loader.load(path)
    except Exception as error:  # protobuf and the loader of external data raise what they like
        raise UserError(f"cannot be read as a whole: {error}", file=path) from error


def _model_search(case: Case, fails: model.Fails, limits: Limits) -> Search[Case]:
    def shown(best: Case, tries: int) -> None:
        limits.shown(best.nodes, tries)

    return model.search_of(case, fails, limits.tries, shown)


def _judged(judge: Judge, case: Case) -> Failure | None:
    """How a case fails, as a file; not at all if the options are not for such a model."""
    with TemporaryDirectory(prefix="lpuc-reduce-") as folder, suppress(UsageError, BadOption):
        file = Path(folder) / "model.onnx"
        file.write_bytes(case.model.SerializeToString())
        return judge(file, case.calls[0])


def _asked(command: Command, name: str) -> model.Fails:
    """What a program says of a case, in a folder of its own."""

    def fails(case: Case) -> bool:
        with TemporaryDirectory(prefix="lpuc-reduce-") as folder:
            file = Path(folder) / name
            file.write_bytes(case.model.SerializeToString())
            write_npz(file.with_name(INPUTS), case.calls[0], ())
            return command(file)

    return fails


def of_ir(
    module: ModuleOp, passes: Sequence[ModulePass], limits: Limits
) -> tuple[Subject[ModuleOp], Sequence[ModulePass]]:
    """
    IR that passes fail on, and the pass that does; `UserError` if none does.

    The passes in front of that one are run once: the IR is the one that it is given.
    """
    oracle = IrOracle(passes, limits.seconds)
    failure = oracle(module.clone())
    if failure is None:
        oracle = replace(oracle, has_prompts=True)
        failure = oracle(module.clone())
    if failure is None:
        raise _no_failure("the passes run, and the numbers stay")
    if failure.where == READER:
        reason, oracle = failure.message, replace(oracle, runs=False)
        failure = oracle(module.clone())
        if failure is None:
            raise _no_failure(f"the passes run; numbers are not looked at: {reason}")
    module, passes = _narrowed(module, passes, failure, oracle)
    sought, oracle = failure, replace(oracle, passes=passes)
    search = _ir_search(module, lambda m: sought.same(oracle(m.clone())), limits)
    return Subject(search, sought, ir.operation_count, ir.reduce, _size(module)), passes


def _size(module: ModuleOp) -> int:
    return ir.operation_count(module)


def _narrowed(
    module: ModuleOp, passes: Sequence[ModulePass], failure: Failure, oracle: IrOracle
) -> tuple[ModuleOp, Sequence[ModulePass]]:
    """The IR in front of the pass that fails, and that pass, if it is that which fails then."""
    places = [index for index, one in enumerate(passes) if one.name == failure.where]
    for place in places:
        before = module.clone()
        for one in passes[:place]:
            one.apply(make_context(), before)
        single = passes[place : place + 1]
        if failure.same(replace(oracle, passes=single)(before.clone())):
            return before, single
    return module, passes


def of_ir_tested(
    module: ModuleOp, name: str, limits: Limits, command: Command
) -> Subject[ModuleOp]:
    """IR that a program finds interesting."""

    def fails(candidate: ModuleOp) -> bool:
        with TemporaryDirectory(prefix="lpuc-reduce-") as folder:
            file = Path(folder) / name
            write_text(file, ir_text(candidate))
            return command(file)

    if not fails(module):
        raise _no_failure("the test ends with another exit code than 0")
    search = _ir_search(module, fails, limits)
    return Subject(search, None, ir.operation_count, ir.reduce, _size(module))


def _ir_search(module: ModuleOp, fails: ir.Fails, limits: Limits) -> Search[ModuleOp]:
    def shown(best: ModuleOp, tries: int) -> None:
        limits.shown(ir.operation_count(best), tries)

    return ir.search_of(module, fails, limits.tries, shown)


@contextmanager
def of_lowered(
    subject: Subject[Case], options: CompileOptions, limits: Limits
) -> Generator[tuple[Subject[ModuleOp], Sequence[ModulePass]]]:
    """
    The IR that the pass which fails is given of a model, and that pass.

    The model is a file while it is reduced: IR names its weights. `UserError` if no pass fails.
    """
    failure = subject.failure
    assert failure is not None
    passes = passes_of(options)
    if all(one.name != failure.where for one in passes):
        raise UserError(f"no pass is at fault but: {failure.where}; let OUT be a folder")
    with TemporaryDirectory(prefix="lpuc-reduce-") as folder, naming(options.plan):
        file = Path(folder) / "model.onnx"
        file.write_bytes(subject.search.best.model.SerializeToString())
        yield of_ir(load_module(file, options), passes, limits)
