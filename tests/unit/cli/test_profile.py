"""`lpuc profile`: what it prints, what it refuses, and that its figures are those of the model."""

import json
from pathlib import Path

import pytest

from lpuc.cli import invoke
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from lpuc.profiling.floor import floor_of
from lpuc.profiling.profile import profiled
from lpuc.reports.lines import size
from runtime.program.program import Program
from runtime.timing import predict
from runtime.timing.profiling.causes import Spent

SAMPLE = Path(__file__).parents[3] / "samples" / "exports" / "gpt2.onnx"
CONTEXT = 20


def profile(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = invoke(["profile", *map(str, words)])
    return code, *capsys.readouterr()


def test_the_verdict_comes_first(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = profile(capsys, program, "--context", "20", "--model", SAMPLE)
    assert code == 0
    verdict, *_ = out.splitlines()
    assert " of the time goes on " in verdict
    for word in ("critical path", "engine ", "ONNX nodes", "floor", "context "):
        assert word in out
    assert "does not fit" not in out


@pytest.fixture(scope="module")
def compiled() -> Program:
    return compile_model(SAMPLE, CompileOptions(prompt_chunk=0)).program


def test_contexts_far_below_the_bound(
    compiled: Program, program: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A bound of millions is no context to predict at unless it is asked for."""
    monkeypatch.setattr("lpuc.profiling.profile.FARTHEST", 8)
    assert max(profiled(compiled, "step", 5).curve) == 8
    assert max(profiled(compiled, "step", 20).curve) == 20
    code, out, _ = profile(capsys, program, "--json")
    assert (code, json.loads(out)["symbols"]) == (0, {"P": 8})


def test_figures_are_those_of_the_model(compiled: Program) -> None:
    found = profiled(compiled, context=CONTEXT, floor=floor_of(SAMPLE, CONTEXT, "f16"))
    timing = predict(compiled, found.symbols)
    assert (found.cycles, found.seconds) == (timing.cycles, timing.seconds)
    assert sum(found.path.values()) == found.cycles
    for shares in (found.roles, found.nodes):
        assert sum(share.cycles for share in shares) == found.cycles
        assert all(sum(share.spent.values()) == share.cycles for share in shares)
    assert found.floor is not None
    assert found.floor.ratio >= 1
    assert found.floor.moved >= 1
    assert found.floor.multiplied >= 1


def test_layers_are_told_apart(compiled: Program) -> None:
    """A node of a layer has its own share; a role adds up those of both layers."""
    found = profiled(compiled, context=CONTEXT)
    twice = [share for share in found.roles if share.layers == 2]
    assert twice
    once = {share.nodes: share.cycles for share in found.nodes}
    assert all(len(nodes) == len(set(nodes)) for nodes in once)
    names = [name for share in found.nodes for name in share.nodes]
    assert len(names) > sum(len(share.nodes) for share in found.roles)


def test_json_holds_all_of_it(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = profile(capsys, program, "--context", "20", "--json")
    data = json.loads(out)
    assert code == 0
    assert data["floor"] is None
    assert sum(data["path"].values()) == data["cycles"]
    by_engine: dict[str, float] = {}
    for row in data["engines"]:
        by_engine[row["engine"]] = by_engine.get(row["engine"], 0) + row["cycles"]
    assert set(by_engine.values()) == {data["cycles"]}
    assert set(data["path"]) <= {str(spent) for spent in Spent}


@pytest.mark.parametrize("devices", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_chunk_of_a_prompt_has_a_context(
    devices: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Scores of 40 keys more take another step of 32 lanes."""
    options = CompileOptions(max_context=64, prompt_chunk=8, devices=devices)
    compile_model(SAMPLE, options).save(tmp_path / "p.lpu")
    seconds = []
    for context in ("0", "40"):
        chunk = ("--entry", "prompt_chunk", "--context", context)
        code, out, _ = profile(capsys, tmp_path / "p.lpu", *chunk, "--json")
        assert code == 0
        assert json.loads(out)["symbols"] == {"P": int(context)}
        seconds.append(json.loads(out)["seconds"])
    assert seconds[0] < seconds[1]


def test_generate_is_one_token_behind_a_prompt_that_was_fed(
    program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its floor is that of `step` behind as many tokens, and it does what `step` does and more."""
    given, found = (program, "--model", SAMPLE, "--json"), {}
    for entry, context in (("generate", "21"), ("step", "20")):
        code, out, _ = profile(capsys, *given, "--entry", entry, "--context", context)
        assert code == 0
        found[entry] = json.loads(out)
    generate, step = found["generate"], found["step"]
    assert generate["symbols"] == {"fed": 20, "prompt": 21, "sampled": 0, "total": 22}
    assert generate["floor"]["bytes"] == step["floor"]["bytes"]
    assert step["macs"] <= generate["macs"] < 1.1 * step["macs"]
    code, out, _ = profile(capsys, *given, "--entry", "generate")
    symbols = json.loads(out)["symbols"]
    assert symbols == {"fed": 30, "prompt": 31, "sampled": 0, "total": 32}


def test_another_machine(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times = {}
    for target in ("lpu-4nm", "lpu-u55c"):
        _, out, _ = profile(capsys, program, "--target", target, "--json")
        times[target] = json.loads(out)["seconds"]
    assert times["lpu-4nm"] < times["lpu-u55c"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--precision", "f32"), 2, "--precision is for models"),
        (("--context", "4000"), 2, "--context: expected a whole number, 0 to 31"),
        (("--entry", "stop"), 2, "entry"),
        (("--target", "lpu-tiny"), 2, "the program cannot run on lpu-tiny"),
    ],
)
def test_what_cannot_be_profiled(
    program: Path, words: tuple[str, ...], code: int, message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    found, out, err = profile(capsys, program, *words)
    assert (found, out) == (code, "")
    assert message in err


def test_what_does_not_fit_is_timed_all_the_same(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on a machine with room, and that is said."""
    tight, text = tmp_path / "tight.toml", Path("runtime/targets/lpu-4nm.toml").read_text()
    tight.write_text(text.replace("103079215104", "256"))
    words = [small, "--target", tight]
    code, out, _ = profile(capsys, *words)
    assert code == 0
    found = json.loads(profile(capsys, *words, "--json")[1])
    assert found["needed"] > found["room"] == 256
    (said,) = [line for line in out.splitlines() if "fit" in line]
    assert f"does not fit: needs {size(found['needed'])} of HBM, has {size(256)}" in said
    assert found["seconds"] == json.loads(profile(capsys, small, "--json")[1])["seconds"]
    assert invoke(["compile", str(small), "--no-weights", "--target", str(tight)]) == 1
