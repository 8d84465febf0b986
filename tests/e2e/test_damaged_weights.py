"""From Python, too, weights that are not what they were give no numbers and are not signed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import lpuc
from runtime.program.program import Program
from runtime.weights.image import Check
from tests.e2e.committed import ONE
from tests.e2e.test_python import inputs

PROMPT = [1, 5, 9]
USES: dict[str, Callable[[lpuc.Program], object]] = {
    "run": lambda program: program.run(inputs(program)),
    "generate": lambda program: list(program.generate(PROMPT, max_new_tokens=2)),
    "session": lambda program: program.session().step(PROMPT),
}


@pytest.fixture(scope="module", params=["embed", "reference"])
def damaged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program with one flipped bit in its weights, or in those of the model it refers to."""
    folder = tmp_path_factory.mktemp("damaged")
    model, path = folder / "model.onnx", folder / "model.lpu"
    model.write_bytes(ONE.read_bytes())
    lpuc.compile(
        model, precision="f32", max_context=16, weights=request.param, prompt_chunk=0
    ).save(path)
    _ = USES["run"](lpuc.load(path))
    references = Program.load(path).references
    if references is None:
        file, place = path, path.stat().st_size - 1000
    else:
        file, place = model, references.spans()["model.onnx"][0][0]
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    return path


@pytest.mark.parametrize("use", USES)
def test_damaged_weights_are_not_used(damaged: Path, use: str):
    with pytest.raises(lpuc.Error, match=r"bytes \d+ to \d+ .*block 0"):
        USES[use](lpuc.load(damaged))
    USES[use](lpuc.load(damaged, check="none"))


def test_damaged_weights_are_found_at_once_on_request(damaged: Path):
    with pytest.raises(lpuc.Error, match="block 0"):
        lpuc.load(damaged, check="all")


@pytest.mark.parametrize("check", ["used", "none"])
def test_damaged_weights_are_not_signed(damaged: Path, check: Check):
    """Not even those that the caller trusts."""
    with pytest.raises(lpuc.Error, match="block 0"):
        lpuc.load(damaged, check=check).save(damaged.with_name("copy.lpu"), weights="embed")
    assert not damaged.with_name("copy.lpu").exists()
