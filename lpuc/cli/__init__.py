"""
The command line: `main` is the entry point, one file of `commands` for each command.

Commands import what they need when they run, so that `lpuc run` loads no compiler.
"""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from types import FrameType
from typing import NoReturn

import click

import lpuc
from lpuc.cli.threads import limit_threads
from lpuc.compiler import progress
from lpuc.errors import INTERRUPTED, PIPE, USAGE, State, Terminated, printable, report
from lpuc.signals import handle, is_importing, leave, leave_on_signals
from runtime.files import noting

NEW_OBJECTS = 1 << 19
"""Objects made between two searches for garbage: most of what a compiler makes stays."""

COMMANDS = {
    "compile": "compile a model",
    "run": "call a program once",
    "generate": "generate tokens with a program",
    "bench": "time a decoder, beside ONNX Runtime",
    "verify": "compare every level with ONNX Runtime",
    "bisect": "find the first pass that goes wrong",
    "reduce": "make what fails small",
    "inspect": "show what a model or a program holds",
    "profile": "say how long a token takes, and why",
    "opt": "run passes over IR text",
    "asm": "assemble a program",
    "disasm": "disassemble a program",
    "passes": "list the passes",
    "targets": "list the machines",
    "ops": "list the operations",
}


class LazyGroup(click.Group):
    """Loads the module of a command when the command is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        return getattr(import_module(f"lpuc.cli.commands.{cmd_name}"), cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from dialects.spelling import did_you_mean

            hint = did_you_mean(name, COMMANDS, "`lpuc --help` lists them")
            raise click.UsageError(f"no command '{name}'; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if not value:
        return
    click.echo(f"lpuc, version {lpuc.__version__}")
    if ctx.params.get("verbose"):
        from runtime.native.library import serving

        click.echo(f"products: {serving().why}")
    ctx.exit()


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`lpuc inspect MODEL.onnx` says whether a model compiles, `lpuc verify MODEL.onnx`"
    " whether its numbers are right. Exit codes: 0 done, 1 the model or an input is at fault,"
    " 2 usage, 3 `verify` or `bisect` found something, 70 a bug of lpuc, 130 interrupted.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit; with -v also what multiplies, and why.",
)
@click.option("-v", "--verbose", is_flag=True, is_eager=True, help="Goes with --version.")
def cli(verbose: bool) -> None:
    """Compile ONNX decoders to programs for latency processing units, and run them."""
    if verbose:
        raise click.UsageError("-v goes with --version")


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    if is_importing(frame):
        leave(number, frame)
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


def _raise_on_signals() -> None:
    """Have signals end a command by an exception, which takes away what is half-written."""
    handle(_stop)


def _prepare_streams() -> None:
    """Let no text fail to be shown; a stream that is closed gives and takes nothing."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def invoke(arguments: list[str]) -> int:
    """Run one command and give its exit code; whatever goes wrong is reported here."""
    state = State()
    try:
        with noting():
            result = cli.main(arguments, prog_name="lpuc", standalone_mode=False, obj=state)
            sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.UsageError as error:
        return _usage(error)
    except click.Abort:
        return report(KeyboardInterrupt(), state)
    except SystemExit:
        # click's way to say that the reader of stdout is gone
        return PIPE
    except BaseException as error:
        return report(error, state)


def _usage(error: click.UsageError) -> int:
    if error.ctx is not None:
        print(error.ctx.get_usage(), file=sys.stderr)
    print(f"error: {printable(error.format_message())}", file=sys.stderr)
    return USAGE


def main() -> NoReturn:
    """The command `lpuc`, when all of it is imported."""
    _prepare_streams()
    limit_threads(1)
    progress.SHOWN = True
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
    try:
        _raise_on_signals()
        code = invoke(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    leave_on_signals()
    _end(code)


def _end(code: int) -> NoReturn:
    """End the process; what it made is not taken apart, which takes as long as some passes do."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # the reader may be gone
            stream.flush()
    if sys.gettrace() or sys.getprofile():  # whoever looks on has something to say at the end
        sys.exit(code)
    os._exit(code)
