"""Generation with the entry `generate`, and without one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lpuc.cli import invoke
from lpuc.errors import INTERRUPTED
from runtime.errors import Unserved
from runtime.generation.device import Request, generate
from runtime.generation.sampling import Sampling
from runtime.run.interpreter import Interpreter
from tests.unit.cli.counting import INPUTS, MOST, VOCABULARY, counting_program

Array = np.ndarray[Any, Any]


@dataclass
class Recorder:
    """Keeps what the entry was called with; hands out the tokens it is made with."""

    tokens: list[int] = field(default_factory=list[int])
    inputs: Mapping[str, Array] = field(default_factory=dict[str, Array])
    values: Mapping[str, int] = field(default_factory=dict[str, int])

    def run(
        self,
        inputs: Mapping[str, Array],
        entry: str = "step",
        values: Mapping[str, int] | None = None,
        on_token: Any = None,
    ) -> Mapping[str, Array]:
        assert entry == "generate"
        self.inputs, self.values = inputs, values or {}
        counting_program().entry(entry).bind(inputs, values)
        for token in self.tokens:
            on_token(token)
        return {}


def called(request: Request, tokens: tuple[int, ...] = ()) -> Recorder:
    """The call of the entry that a request makes."""
    machine = Recorder(list(tokens))
    generate(counting_program(), machine, request, lambda _: None)
    return machine


def test_the_device_generates():
    tokens: list[int] = []
    program = counting_program()
    generate(program, Interpreter(program), Request([5, 6], 4), tokens.append)
    assert tokens == [2, 3, 4, 5]


def test_a_token_arrives_before_the_next_is_made():
    program = counting_program()

    def stop(token: int) -> None:
        raise KeyboardInterrupt(token)

    with pytest.raises(KeyboardInterrupt, match="2"):
        generate(program, Interpreter(program), Request([5, 6], 4), stop)


def test_the_entry_gets_what_the_request_says():
    sampling = Sampling(0.5, 3, 0.25, 2**64 - 1, 1.5)
    machine = called(Request([5, 6], 3, sampling, frozenset({7, 2, VOCABULARY + 5})))
    shown = {name: array.tolist() for name, array in machine.inputs.items()}
    assert shown == {
        "tokens": [5, 6],
        "stops": [2, 7, -1, -1],
        "sampler": [0.5, 0.25, 1.5],
        "sampler_ints": [3, -1],
    }
    assert machine.values == {"total": 5, "sampled": 1}
    assert called(Request([5, 6], 3)).values["sampled"] == 0


def test_no_tokens_need_no_call():
    assert called(Request([5], 0)).values == {}


def test_more_tokens_than_fit_are_an_error_before_the_call():
    assert called(Request([5, 6], MOST - 2)).values["total"] == MOST
    message = rf"{MOST} tokens are more than the program holds, {MOST - 1};.*--max-context"
    with pytest.raises(Unserved, match=message):
        called(Request([5, 6], MOST - 1))
    with pytest.raises(Unserved, match="more than the program holds"):
        called(Request([5] * MOST, 1, stops=frozenset({3})))


def test_a_stop_token_may_come_before_the_end():
    request = Request([5, 6], 99, stops=frozenset({3}))
    assert called(request, (1, 2)).values["total"] == MOST
    with pytest.raises(Unserved, match="100 tokens are more than the program holds"):
        called(request, (1,) * (MOST - 2))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request([], 1), "no tokens"),
        (Request([VOCABULARY], 1), f"not below {VOCABULARY}"),
        (Request([1], 1, stops=frozenset(range(5))), "5 stop tokens are more than .* 4"),
    ],
)
def test_a_wrong_request_is_an_error(request_: Request, message: str):
    with pytest.raises(Unserved, match=message):
        called(request_)


def test_an_entry_of_another_kind_is_refused():
    program = counting_program()
    for change in ({"inputs": INPUTS[1:]}, {"symbols": ()}):
        other = replace(program.entry("generate"), **change)  # type: ignore[arg-type]
        with pytest.raises(Unserved, match="takes other inputs than it must"):
            generate(
                replace(program, others=(("generate", other),)), Recorder(), Request([1], 1), print
            )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The counting program in a file."""
    counting_program().write(tmp_path / "p.lpu")
    return tmp_path / "p.lpu"


def test_the_command_uses_the_entry(file: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["generate", str(file), "--tokens", "5,6", "-n", "3"]) == 0
    assert capsys.readouterr().out == "2 3 4\n"
    assert invoke(["generate", str(file), "--tokens", "5,6", "-n", "99"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"error: {file}: 100 tokens are more than")


def test_an_interrupt_during_the_call_has_its_exit_code(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupted(_text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lpuc.cli.commands.generate._write", interrupted)
    assert invoke(["generate", str(file), "--tokens", "5,6", "-n", "3"]) == INTERRUPTED
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--temperature", "nan"],
        ["--temperature", "inf"],
        ["--top-p", "nan"],
        ["--repetition-penalty", "0"],
        ["--repetition-penalty", "nan"],
    ],
)
def test_settings_that_no_arithmetic_survives_are_wrong_usage(file: Path, options: list[str]):
    assert invoke(["generate", str(file), "--tokens", "1", *options]) == 2


def test_inspect_shows_every_entry(file: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["inspect", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "entries       step, generate\n" in shown
    assert f"entry         generate at word 1, prompt in 1 to {MOST - 1}, total in 1" in shown
    assert "tokens: i64[prompt] (tokens)" in shown
