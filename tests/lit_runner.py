"""
Run the `// RUN:` lines of a lit file inside this process.

A start of `xdsl-opt` costs a quarter of a second, a call 8 ms. Understood are pipes of `xdsl-opt`,
`lpuc` and `filecheck`, `%s`, `2>&1`, quotes, lines continued with a backslash; `lit` itself runs
the same files where the real thing is wanted.
"""

from __future__ import annotations

import io
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

from filecheck.matcher import Matcher
from filecheck.options import parse_argv_options
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline
from xdsl.universe import Universe
from xdsl.xdsl_opt_main import xDSLOptMain

from dialects.verification import verify_module
from lpuc.cli import invoke
from lpuc.universe import LPUC_UNIVERSE
from passes import PASS_NAMES

PassFactories = Mapping[str, Callable[[], type[ModulePass]]]

SEPARATOR = "// -----"
MERGED = "2>&1"
_RUN = re.compile(r"//\s*RUN:\s*(.*)")


class LitFailure(Exception):
    """A RUN line failed; the message holds its output."""


@cache
def _installed() -> Universe:
    """What packages offer to `xdsl-opt`: looking for it takes longer than most RUN lines."""
    return Universe.get_multiverse()


class _Opt(xDSLOptMain):
    """`xdsl-opt` where some passes may be replaced; knows ours even when lpuc is not installed."""

    def __init__(self, arguments: list[str], passes: PassFactories):
        self._passes = passes
        super().__init__(args=arguments)

    def register_all_dialects(self) -> None:
        for name, factory in {**_installed().all_dialects, **LPUC_UNIVERSE.all_dialects}.items():
            self.ctx.register_dialect(name, factory)

    def register_all_passes(self) -> None:
        known = {**_installed().all_passes, **LPUC_UNIVERSE.all_passes, **self._passes}
        for name, factory in known.items():
            self.register_pass(name, factory)

    def register_all_targets(self) -> None:
        self.available_targets.update(_installed().all_targets)

    def setup_pipeline(self) -> None:
        """Each pass leaves IR that holds to the rules of its level."""
        super().setup_pipeline()
        inner = self.pipeline.callback

        def judge(before: ModulePass | None, module: ModuleOp, after: ModulePass | None) -> None:
            if inner is not None:
                inner(before, module, after)
            judged = before is not None and before.name in PASS_NAMES
            if judged and not self.args.disable_verify:
                verify_module(module)

        self.pipeline = PassPipeline(self.pipeline.passes, judge)


class _Input(io.TextIOWrapper):
    """Text as standard input."""

    def __init__(self, text: str):
        super().__init__(io.BytesIO(text.encode()), encoding="utf-8")


def run_lines(path: Path) -> list[str]:
    """The commands of a lit file, in order."""
    lines: list[str] = []
    continued = False
    for match in _RUN.finditer(path.read_text(encoding="utf-8")):
        text = match.group(1).rstrip()
        if continued:
            lines[-1] += " " + text.removesuffix("\\")
        else:
            lines.append(text.removesuffix("\\"))
        continued = text.endswith("\\")
    return lines


def _split(line: str, path: Path) -> list[list[str]]:
    """The words of each command of a pipe."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|")
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in lexer:
        if word == "|":
            commands.append([])
        else:
            commands[-1].append(word.replace("%s", str(path)))
    return commands


def _run_opt(words: list[str], passes: PassFactories) -> None:
    _Opt(words[1:], passes).run()


def _run_filecheck(words: list[str], _passes: PassFactories) -> None:
    if Matcher.from_opts(parse_argv_options(list(words))).run() != 0:
        raise LitFailure("filecheck: no match")


def _run_lpuc(words: list[str], _passes: PassFactories) -> None:
    code = invoke(words[1:])
    if code:
        raise LitFailure(f"lpuc: exit code {code}")


_TOOLS = {"xdsl-opt": _run_opt, "lpuc": _run_lpuc, "filecheck": _run_filecheck}


def _run_one(words: list[str], text: str, passes: PassFactories) -> str:
    """Run one command on its standard input and give its standard output."""
    if words[0] not in _TOOLS:
        raise LitFailure(f"the runner knows {sorted(_TOOLS)}, not '{words[0]}'")
    out = io.StringIO()
    err = out if MERGED in words else io.StringIO()
    words = [word for word in words if word != MERGED]
    stdin, sys.stdin = sys.stdin, _Input(text)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            _TOOLS[words[0]](words, passes)
    except SystemExit as error:
        if error.code:
            raise LitFailure(f"{' '.join(words)}\n{err.getvalue()}") from error
    except Exception as error:
        raise LitFailure(f"{' '.join(words)}\n{err.getvalue()}{_brief(error)}") from error
    finally:
        sys.stdin = stdin
    return out.getvalue()


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def check_lit(path: Path) -> None:
    """Run a lit file, whose cases must all be missed if they held no IR. Raises `LitFailure`."""
    silent = silent_cases(path, run_lit(path))
    if silent:
        raise LitFailure(f"{path}: nothing would notice if these cases held no IR: {silent}")


def run_lit(path: Path, passes: PassFactories | None = None) -> list[str]:
    """
    Run a lit file; `passes` replace passes of the same names. Raises `LitFailure`.

    Gives what the last command of each RUN line read.
    """
    lines = run_lines(path)
    if not lines:
        raise LitFailure(f"{path} has no RUN line")
    read: list[str] = []
    for line in lines:
        *commands, last = _split(line, path)
        read.append(_piped(commands, passes))
        _run_one(last, read[-1], passes or {})
    return read


def silent_cases(path: Path, read: Sequence[str]) -> list[int]:
    """
    The cases of a lit file, from 1, that could hold no IR at all without a RUN line failing.

    What a command prints of the other cases stays as it is, as `run_lit` has found it: a check of
    an empty case may not be met by what another case prints, nor by the second copy of a
    diagnostic.
    """
    silent = set(range(1, path.read_text(encoding="utf-8").count(SEPARATOR) + 2))
    for line, text in zip(run_lines(path), read, strict=True):
        *commands, last = _split(line, path)
        if last[0] == "filecheck":
            silent &= _unnoticed(commands, last, path, text)
        elif "--verify-diagnostics" in last:
            silent &= _unexpecting(last, path)
    return sorted(silent)


def _unnoticed(commands: list[list[str]], last: list[str], path: Path, text: str) -> set[int]:
    """The cases that one RUN line passes without, where its last command reads the text."""
    parts = text.split(f"{SEPARATOR}\n")
    with tempfile.NamedTemporaryFile("w", suffix=".mlir") as empty:
        empty.write("builtin.module {}\n")
        empty.flush()
        try:
            nothing = _piped([[w.replace(str(path), empty.name) for w in c] for c in commands])
        except LitFailure:
            return set()
    texts = [[*parts[:i], nothing, *parts[i + 1 :]] for i in range(len(parts))]
    return {i for i, text in enumerate(texts, 1) if _matches(last, f"{SEPARATOR}\n".join(text))}


def _unexpecting(words: list[str], path: Path) -> set[int]:
    """The cases that nothing is expected of: all of their lines but comments may go."""
    parts = path.read_text(encoding="utf-8").split(f"{SEPARATOR}\n")
    found: set[int] = set()
    for number, part in enumerate(parts, 1):
        comments = [line[line.find("//") :] if "//" in line else "" for line in part.split("\n")]
        emptied = [*parts[: number - 1], "\n".join(comments), *parts[number:]]
        with tempfile.NamedTemporaryFile("w", suffix=".mlir") as file:
            file.write(f"{SEPARATOR}\n".join(emptied))
            file.flush()
            if _matches([word.replace(str(path), file.name) for word in words], ""):
                found.add(number)
    return found


def _piped(commands: list[list[str]], passes: PassFactories | None = None) -> str:
    text = ""
    for words in commands:
        text = _run_one(words, text, passes or {})
    return text


def _matches(words: list[str], text: str) -> bool:
    try:
        _run_one(words, text, {})
    except LitFailure:
        return False
    return True
