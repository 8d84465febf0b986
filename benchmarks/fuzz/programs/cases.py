"""One changed program or text, put through the commands."""

from __future__ import annotations

import resource
import tempfile
from functools import partial
from pathlib import Path
from random import Random

from benchmarks.fuzz.pool import Result
from benchmarks.fuzz.programs import mutants, texts, trial
from benchmarks.fuzz.programs.bases import BASES, LEVELS, base

Key = tuple[str, int]
ADDRESS_BYTES = 16 << 30


def run_program(folder: Path, seed: int, number: int, keep: Path | None = None) -> Result:
    """One changed program through `run`, `generate`, `inspect`, `disasm` and `asm`."""
    rng = Random(f"program {seed} {number}")
    chosen = rng.randrange(len(BASES))
    program, sections = base(folder, chosen)
    what, changed = mutants.mutate(program, sections, rng)
    with tempfile.TemporaryDirectory(dir=folder) as made:
        path = keep or Path(made) / "p.lpu"
        mutants.write(path, changed, program)
        text, again, out = (str(Path(made) / name) for name in ("p.s", "q.lpu", "out.npz"))
        commands = [
            ["run", str(path), "--inputs", str(folder / f"{chosen}.npz"), "--outputs", out],
            ["generate", str(path), "--tokens", "1,5,9", "-n", "4"],
            ["generate", str(path), "--tokens", "1,5", "-n", "3", "--temperature", "1"],
            ["inspect", str(path)],
            ["disasm", str(path), "-o", text],
        ]
        most = partial(trial.allowed, path)
        result = trial.run_all(commands, what, most, (what.split()[0],))
        if result.outcome.verdict == "right" and Path(text).exists():
            return trial.run_all([["asm", text, "-o", again]], what, most, result.labels)
        return result


def run_text(folder: Path, seed: int, number: int, keep: Path | None = None) -> Result:
    """One changed text through `asm`, or through `opt`."""
    rng = Random(f"text {seed} {number}")
    chosen, level = rng.randrange(len(BASES)), rng.choice(("asm", *LEVELS))
    name = f"{chosen}.s" if level == "asm" else f"{chosen}-{level}.mlir"
    changed = texts.mutate((folder / name).read_text("utf-8"), rng)
    with tempfile.TemporaryDirectory(dir=folder) as made:
        path = keep or Path(made) / f"p{Path(name).suffix}"
        path.write_text(changed, "utf-8")
        out = str(Path(made) / "out")
        command = ["asm", str(path), "-o", out] if level == "asm" else ["opt", str(path), "-o", out]
        return trial.run_all([command], f"text {number}", lambda: 0, (f"text of {level}",))


def run_key(folder: Path, seed: int, key: Key) -> Result:
    """A key of `keys`."""
    kind, number = key
    return (run_program if kind == "program" else run_text)(folder, seed, number)


def run_limited(folder: Path, seed: int, key: Key) -> Result:
    """The same in a process of its own, which may have so much memory and no more."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES, ADDRESS_BYTES))
    return run_key(folder, seed, key)
