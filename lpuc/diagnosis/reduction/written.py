"""
What is left as a test: a lit file of IR, or a folder with a model, its inputs and how to run it.

Both fail as long as the fault is there. What the IR has to look like behind a pass that computes
wrong numbers, only a person can tell: its lit file runs it before and behind the pass.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import fields
from os import PathLike, fspath
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import make_context
from lpuc.compiler.watching.printing import ir_text
from lpuc.diagnosis.failure import Failure
from lpuc.diagnosis.reduction.model.case import Case, results_of
from lpuc.errors import UserError, printable
from lpuc.files.disk import check_output, replacing, write_text
from lpuc.files.npz import write_npz
from passes.analysis.functions import functions

MODEL, INPUTS, OUTPUTS, README = "model.onnx", "inputs.npz", "outputs.npz", "README.md"
WIDTH = 300
"""Characters of a message."""


def pipeline_text(passes: Sequence[ModulePass]) -> str:
    """Passes as `-p` takes them."""
    return ",".join(str(one.spec()) for one in passes)


def title(failure: Failure | None) -> str:
    """What goes wrong, in one line."""
    text = "fails the test that it was reduced with" if failure is None else str(failure)
    return printable(" ".join(text.split()))[:WIDTH]


def lit_test(module: ModuleOp, passes: Sequence[ModulePass], failure: Failure) -> str:
    """A lit file whose RUN line fails while the fault is there."""
    run = f"// RUN: {_tool(module, passes, failure)} | filecheck %s"
    label = f"// CHECK-LABEL: @{functions(module)[-1].sym_name.data}"
    lines = [run, "", f"// {title(failure)}", label]
    return "\n".join(lines) + "\n" + _body(module)


def _tool(module: ModuleOp, passes: Sequence[ModulePass], failure: Failure) -> str:
    """What shows the failure: our own tool alone runs IR, and judges rules of modules."""
    pipeline = pipeline_text(passes)
    if failure.kind == "hang" or _is_foreign(module, passes):
        return f"xdsl-opt %s -p '{pipeline}'"
    flag = "--verify-each" if failure.kind == "verifier" else "--check-numerics"
    return f"lpuc opt %s -p '{pipeline}' {flag}"


def _is_foreign(module: ModuleOp, passes: Sequence[ModulePass]) -> bool:
    """Whether a pass raises something itself, or xDSL's verifier behind it."""
    copy = module.clone()
    try:
        for one in passes:
            one.apply(make_context(), copy)
            copy.verify()
    except Exception:  # whatever it is, it ends the tool
        return True
    return False


def _body(module: ModuleOp) -> str:
    """The IR; a module without attributes of its own need not be written."""
    text = ir_text(module, locations=False)
    head, _, rest = text.partition("\n")
    if head != "builtin.module {":
        return text
    inner = rest.rstrip().removesuffix("}").rstrip()
    return "\n".join(line.removeprefix("  ") for line in inner.splitlines()) + "\n"


def option_words(options: CompileOptions) -> list[str]:
    """The options of a command line that are not as usual."""
    usual, words = CompileOptions(), list[str]()
    for field in fields(CompileOptions):
        value = getattr(options, field.name)
        if value in (getattr(usual, field.name), None) or field.name == "weights":
            continue
        flag = f"--{field.name.replace('_', '-')}"
        if field.name == "shape":
            words += [w for name, extent in (options.shape or {}).items()
                      for w in (flag, f"{name}={extent}")]  # fmt: skip
        else:
            words += [flag, fspath(value) if isinstance(value, str | PathLike) else str(value)]
    return words


def replay(case: Case, options: CompileOptions, command: str) -> str:
    """How a command of ours shows a failure, in the folder of the case."""
    given = {
        "compile": ["-o", "model.lpu"],
        "verify": ["--inputs", INPUTS] if case.calls[0] else [],
        "bisect": [],
    }
    return shlex.join(["lpuc", command, MODEL, *given[command], *option_words(options)])


def check_folder(folder: Path) -> None:
    """Refuse a folder that could not be written, before work is put into it."""
    if not folder.is_dir():
        check_output(folder)
        if folder.exists():
            raise UserError("is no folder", file=folder)
        return
    for name in (MODEL, INPUTS, OUTPUTS, README):
        check_output(folder / name)


def write_case(folder: Path, case: Case, about: str, command: str) -> None:
    """The folder: the model, what it is called with, what ONNX Runtime makes of it, what it is."""
    folder.mkdir(exist_ok=True)
    with replacing(folder / MODEL) as temporary:
        temporary.write_bytes(case.model.SerializeToString(deterministic=True))
    write_npz(folder / INPUTS, case.calls[0], ())
    outputs = results_of(case)
    if outputs is None:
        (folder / OUTPUTS).unlink(missing_ok=True)
    else:
        write_npz(folder / OUTPUTS, outputs, ())
    write_text(folder / README, f"{about}\n\nRun it in this folder:\n\n    {command}\n")
