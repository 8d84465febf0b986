"""Options that several commands share, as decorators."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from lpuc.cli.spelling import Spelled
from lpuc.cli.threads import limit_threads
from lpuc.compiler.options import (
    BUDGETS,
    DEFAULT_PRECISION,
    DEFAULT_TARGET,
    INPUT_ROLES,
    PRECISIONS,
    WEIGHTS,
    CompileOptions,
)
from lpuc.errors import State

if TYPE_CHECKING:
    from runtime.weights.image import Check

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

FILE = click.Path(path_type=Path)


def _set_debug(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(State).debug = True


def command(function: Callable[..., Any]) -> click.Command:
    """A command with `-h`, `--debug` and MLIR's spellings; its docstring is its help."""
    debug = click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_set_debug,
        help="Show the traceback of an error.",
    )
    settings = {"help_option_names": ["-h", "--help"]}
    return click.command(cls=Spelled, context_settings=settings)(debug(function))


def about(file: Path | str) -> None:
    """Tell the error handler which file the command is about."""
    click.get_current_context().ensure_object(State).file = str(file)


def chain(decorators: Iterable[Callable[[Any], Any]], function: Any) -> Any:
    """A function under several decorators, the first of them outermost."""
    for decorate in reversed(list(decorators)):
        function = decorate(function)
    return function


def given_options(names: Iterable[str]) -> list[str]:
    """Those options of the running command that are not as by default."""
    context = click.get_current_context()
    default = (None, ParameterSource.DEFAULT)
    return [name for name in names if context.get_parameter_source(name) not in default]


def by_name(
    read: Callable[[str], T | None],
) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], dict[str, T]]:
    """What takes the values of an option of the form NAME=..., each name once."""

    def parsed(
        _ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
    ) -> dict[str, T]:
        found: dict[str, T] = {}
        for text in texts:
            name, _, word = text.rpartition("=")
            value = read(word)
            if not name or value is None:
                raise click.BadParameter(f"'{text}' is not {parameter.metavar}")
            if str(found.setdefault(name, value)) != str(value):
                raise click.BadParameter(f"'{name}' is given twice")
        return found

    return parsed


def extent(word: str) -> int | None:
    """A number of elements; None of what is none."""
    with suppress(ValueError):
        return int(word) if word.isdecimal() else None
    return None


def _number(word: str) -> float | None:
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    for kind in (int, float):
        with suppress(ValueError):
            return kind(word)
    return None


def compile_options(function: F) -> F:
    """The choices of a compilation; the command receives them as `options`."""

    @wraps(function)
    def wrapped(*args: Any, **given: Any) -> Any:
        chosen = {name: given.pop(name) for name in _CHOICES}
        return function(*args, options=CompileOptions(**chosen), **given)

    decorators = (
        click.option("--target", default=DEFAULT_TARGET, show_default=True,
                     metavar="NAME|FILE.toml", help="Machine to compile for."),
        click.option("--precision", type=click.Choice(PRECISIONS), default=DEFAULT_PRECISION,
                     show_default=True, help="Type of weights, cache and matrix products."),
        click.option("--max-context", type=int, metavar="N",
                     help="Bound of the cache.  [default: 2048, or the model's own limit]"),
        click.option("--prompt-chunk", type=int, metavar="N",
                     help="Take prompts N tokens at a time, or fewer that fit; 0: one by one."
                     "  [default: 64]"),
        click.option("--shape", multiple=True, callback=by_name(extent), metavar="NAME=INT",
                     help="Fix a symbolic dimension (repeatable)."),
        click.option("--input-role", multiple=True, callback=by_name(str), metavar="NAME=ROLE",
                     help=f"What an input is whose name does not tell: {', '.join(INPUT_ROLES)} "
                     "(repeatable)."),
        click.option("--input-value", multiple=True, callback=by_name(_number),
                     metavar="NAME=VALUE",
                     help="Make an input a constant, all of whose elements have one value, as in "
                     "use_cache_branch=true (repeatable)."),
        click.option("--devices", type=int, default=1, show_default=True, metavar="N",
                     help="How many machines in a ring share the model: 1, 2, 4, 8, ..."),
        click.option("--plan", type=FILE, metavar="FILE",
                     help="What each of the machines computes, as --plan-out of compile wrote it."),
        click.option("--whole-budget", type=float, metavar="PERCENT",
                     help="How much of the parameters every machine may hold.  [default: 5]"),
        click.option("--pipeline", metavar="PASSES",
                     help="Run these passes instead of the default: 'p1,p2{opt=1},...', or as"
                     " MLIR has it, 'builtin.module(p1,p2{opt=1},...)'."),
        *(click.option(f"--{n.replace('_', '-')}", type=int, hidden=True) for n in BUDGETS),
    )  # fmt: skip
    return chain(decorators, wrapped)


def _parsed_only(options: CompileOptions) -> None:
    """What does nothing with the options of a compilation."""
    del options


def options_of(text: str, options: CompileOptions, flag: str) -> CompileOptions:
    """
    The options of a compilation in one argument, as a shell would split it; others are `options`.
    """
    parser = click.command(flag)(compile_options(_parsed_only))
    try:
        context = parser.make_context(flag, shlex.split(text))
    except ValueError as error:
        raise click.UsageError(f"{flag} '{text}': {error}") from None
    except click.UsageError as error:
        raise click.UsageError(f"{flag} '{text}': {error.format_message()}") from None
    default = (None, ParameterSource.DEFAULT)
    given = [n for n in _CHOICES if context.get_parameter_source(n) not in default]
    return replace(options, **{name: context.params[name] for name in given})


COMPILING = (
    "target", "precision", "max_context", "prompt_chunk", "shape", "input_role", "input_value",
    "devices", "plan", "whole_budget", "pipeline",
)  # fmt: skip
"""Options that a program was compiled with."""

_CHOICES = (*COMPILING, *BUDGETS)


def refuse_compiling() -> None:
    """UsageError if an option of a compilation was given, to a command that runs a program."""
    context = click.get_current_context()
    for name in COMPILING:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            flag = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{flag} is for models; a program is compiled already")


def weights_options(function: F) -> F:
    """Where the program has its weights; the command finds it in `options`."""

    @wraps(function)
    def wrapped(
        *args: Any, options: CompileOptions, weights: str | None, no_weights: bool, **rest: Any
    ) -> Any:
        if weights and no_weights:
            raise click.UsageError("--weights and --no-weights exclude each other")
        form = "none" if no_weights else weights or WEIGHTS[0]
        return function(*args, options=replace(options, weights=form), **rest)

    decorators = (
        click.option("--weights", type=click.Choice(WEIGHTS[:2]),
                     help="Copy weights into the program, or name the files they lie in, "
                     "which must then stay as they are.  [default: embed]"),
        click.option("--no-weights", is_flag=True,
                     help="Leave weights out, for profiling; their files need not exist."),
    )  # fmt: skip
    return chain(decorators, wrapped)


def _set_threads(_ctx: click.Context, _parameter: click.Parameter, value: int) -> int:
    limit_threads(value)
    return value


def _what_to_check(_ctx: click.Context, _parameter: click.Parameter, value: bool | None) -> Check:
    return "used" if value is None else "all" if value else "none"


check_option = click.option(
    "--check/--no-check",
    default=None,
    callback=_what_to_check,
    help="Verify all parameters by SHA-256 first, or none.  [default: by checksum, when used]",
)

fuel_option = click.option(
    "--fuel",
    type=int,
    metavar="N",
    help="Stop a run that works on more than N elements.  [default: the program's own bound]",
)

model_dir_option = click.option(
    "--model-dir",
    type=FILE,
    metavar="DIR",
    help="Where the model's files are that IR names.  [default: where they were, beside the IR]",
)

json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")

reference_option = click.option(
    "--reference",
    is_flag=True,
    help="Execute each instruction as the instruction set says, without the fast path.",
)

threads_option = click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    expose_value=False,
    callback=_set_threads,
    help="Threads for matrix products; where numpy multiplies, more than one may change the last"
    " bits (`lpuc --version -v`).",
)
