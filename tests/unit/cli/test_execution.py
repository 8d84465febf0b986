"""`run` and `generate` on a compiled decoder: the reference path, the choices of a sampler."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lpuc.cli import invoke
from runtime.program.program import Program
from runtime.run.interpreter import Interpreter


def test_the_reference_path_is_taken_on_request(
    program: Path,
    inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    asked: list[bool] = []
    start = Interpreter.__init__

    def watched(
        self: Interpreter, made: Program, fuel: int | None = None, reference: bool = False
    ) -> None:
        asked.append(reference)
        start(self, made, fuel, reference=reference)

    monkeypatch.setattr(Interpreter, "__init__", watched)
    fast, slow = tmp_path / "fast.npz", tmp_path / "slow.npz"
    shown: list[str] = []
    for out, flags in ((fast, []), (slow, ["--reference"])):
        command = ["run", str(program), "--inputs", str(inputs), "--outputs", str(out), *flags]
        assert invoke(command) == 0
        assert invoke(["generate", str(program), "--tokens", "1,5", "-n", "3", *flags]) == 0
        shown.append(capsys.readouterr().out)
    assert asked == [False, False, True, True]
    assert shown[0] == shown[1]
    with np.load(fast) as one, np.load(slow) as other:
        np.testing.assert_allclose(one["logits"], other["logits"], rtol=1e-4, atol=1e-4)


def test_sampling_follows_its_options(program: Path, capsys: pytest.CaptureFixture[str]):
    def ids(*options: str) -> str:
        command = ["generate", str(program), "--tokens", "1,5", "-n", "12", *options]
        assert invoke(command) == 0
        return capsys.readouterr().out

    drawn = ["--temperature", "5", "--top-k", "50", "--top-p", "0.9", "--seed"]
    assert ids(*drawn, "3") == ids(*drawn, "3")
    assert ids(*drawn, "3") != ids(*drawn, "4")
    penalised = ids("--repetition-penalty", "100").split()
    assert len(set(penalised)) == len(penalised)
    assert penalised != ids().split()


@pytest.mark.parametrize("command", ["run", "generate"])
def test_fuel_below_what_a_run_needs_stops_it(
    command: str, program: Path, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out.npz"
    files = ["--inputs", str(inputs), "--outputs", str(out)]
    rest = files if command == "run" else ["--tokens", "1,5", "-n", "3"]
    assert invoke([command, str(program), *rest, "--fuel", "10"]) == 1
    assert "trap fuel at pc" in (error := capsys.readouterr().err)
    assert "not finished after 10 elements" in error
    assert not out.exists()
    entry = {"run": "step"}.get(command, command)
    bound = Program.load(program).bounds.elements[entry]
    assert invoke([command, str(program), *rest, "--fuel", str(bound)]) == 0


def test_inspect_predicts_within_its_fuel(program: Path, capsys: pytest.CaptureFixture[str]):
    bound = Program.load(program).bounds.elements["step"]
    assert invoke(["inspect", str(program), "--fuel", "10"]) == 0
    short = capsys.readouterr().out
    assert "predicted     nothing for first token" in short
    assert "LMU, 4.0 MiB: nothing, not finished after 10 elements" in short
    assert f"elements      {bound} in step, " in short
    assert invoke(["inspect", str(program), "--fuel", str(bound)]) == 0
    assert "not finished" not in capsys.readouterr().out
