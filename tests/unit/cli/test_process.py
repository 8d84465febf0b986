"""What a process of its own shows: signals at any moment, closed streams, what is imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpuc.cli import invoke
from tests.unit.cli.conftest import MODEL

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
SLOW_IMPORT = """
import sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            print("now", flush=True)
            time.sleep(30)
sys.meta_path.insert(0, Slow())
sys.argv = ["lpuc", "compile", {model!r}, "-o", {output!r}]
from lpuc.__main__ import main
main()
"""


@pytest.fixture(autouse=True)
def interrupts_are_heard() -> Iterator[None]:
    """What a shell starts in the background ignores them, and so would what it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def start(*arguments: str, **options: object) -> subprocess.Popen[bytes]:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([sys.executable, *arguments], env=ENVIRONMENT, **options)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("name", "number", "code"),
    [
        ("lpuc.cli", signal.SIGINT, 130),
        ("lpuc.cli", signal.SIGTERM, 143),
        ("click", signal.SIGINT, 130),
        ("numpy", signal.SIGTERM, 143),
        ("xdsl.dialects.builtin", signal.SIGINT, 130),
        ("onnx", signal.SIGTERM, 143),
    ],
)
def test_an_import_is_interrupted_quietly(
    name: str, number: signal.Signals, code: int, tmp_path: Path
):
    output = tmp_path / "out.lpu"
    script = SLOW_IMPORT.format(name=name, model=str(MODEL), output=str(output))
    with start("-c", script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"now\n"
        process.send_signal(number)
        shown, error = process.communicate(timeout=60)
    assert process.returncode == code
    assert (shown, error.strip()) in [(b"", b""), (b"", b"interrupted"), (b"", b"terminated")]
    assert not list(tmp_path.iterdir())


def test_who_ignores_interrupts_is_not_interrupted():
    script = (
        "import signal, os; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "import sys; sys.argv = ['lpuc', 'targets']; from lpuc.__main__ import main; "
        "from lpuc.cli.commands import targets; shown = targets.targets.callback; "
        "targets.targets.callback = lambda **given: ("
        "os.kill(os.getpid(), signal.SIGINT), shown(**given)); main()"
    )
    with start("-c", script) as process:
        shown, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, b"")
    assert b"lpu-tiny" in shown


def test_closed_streams_are_no_bug():
    close = "import os, sys; [os.close(n) for n in (0, 1, 2)]; "
    run = f"os.execv({sys.executable!r}, [{sys.executable!r}, '-m', 'lpuc', 'targets'])"
    with start("-c", close + run) as process:
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_process_ends_at_once():
    script = "import atexit, lpuc.__main__; atexit.register(print, 'behind'); lpuc.__main__.main()"
    with start("-c", script, "targets") as process:
        shown, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, b"")
    assert b"lpu-tiny" in shown
    assert b"behind" not in shown


def test_a_profiler_has_its_say():
    with start("-m", "cProfile", "-m", "lpuc", "targets") as process:
        shown, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, b"")
    assert b"lpu-tiny" in shown
    assert b"function calls" in shown


def test_assembly_comes_from_stdin_too(program: Path, tmp_path: Path):
    text, again = tmp_path / "a.s", tmp_path / "a.lpu"
    assert invoke(["disasm", str(program), "-o", str(text)]) == 0
    with start("-m", "lpuc", "asm", "-", "-o", str(again), stdin=text.open("rb")) as process:
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, b"")
    assert again.read_bytes() == program.read_bytes()


def test_text_that_never_ends_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lpuc.cli.input.MOST_BYTES", 1 << 20)
    with Path("/dev/zero").open() as endless:
        monkeypatch.setattr(sys, "stdin", endless)
        assert invoke(["asm", "-", "-o", str(tmp_path / "out")]) == 1


@pytest.mark.parametrize(
    "arguments",
    [["targets"], ["disasm", "X"], ["generate", "X", "--tokens", "1", "-n", "2"], ["inspect", "X"]],
    ids=" ".join,
)
def test_a_full_stdout_is_not_the_programs_fault(arguments: list[str], program: Path):
    words = [str(program) if word == "X" else word for word in arguments]
    with Path("/dev/full").open("w") as full, start("-m", "lpuc", *words, stdout=full) as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert error == b"error: <stdout>: No space left on device\n"


def test_a_closed_pipe_is_quiet():
    process = start("-m", "lpuc", "ops")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(timeout=30) == 141


def test_run_loads_no_compiler(program: Path, inputs: Path, tmp_path: Path):
    code = (
        "import sys; from lpuc.cli import invoke; "
        f"command = ['run', {str(program)!r}, '--inputs', {str(inputs)!r}, '--outputs', 'o']; "
        "assert invoke(command) == 0; "
        "print(sorted({'xdsl', 'onnx', 'dialects.lpu', 'passes'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=ENVIRONMENT,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_numpy_is_not_loaded_before_the_threads_are_set():
    code = "import sys, lpuc.cli; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_have_their_exit_codes(number: signal.Signals, code: int):
    program = (
        "import os, sys, time; from lpuc import cli; from lpuc.cli.commands import targets; "
        f"targets.targets.callback = lambda **_: (os.kill(os.getpid(), {number:d}),"
        "time.sleep(9)); "
        "sys.argv = ['lpuc', 'targets']; cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
