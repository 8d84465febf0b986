"""
The tokens of `generate`, and what a step gives behind a prompt, against a loop on the host around
ONNX Runtime.

A token may be another one where the logits of both are as close as numbers may be off; then the
text goes on behind the host's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lpuc.levels.cases import Case, Cases, Text
from lpuc.levels.decoder import cache_pairs, logits_of
from lpuc.levels.onnx_runtime import Arrays, Refusal, Runner
from runtime.errors import Unserved
from runtime.generation.device import GENERATE
from runtime.generation.sampling import Sampling, choose
from runtime.program.interface import Interface, Port
from runtime.program.presents import KEPT

Array = np.ndarray[Any, Any]
Tokens = Callable[[Sequence[int], int, Sampling], Sequence[int]]
"""New tokens behind a prompt."""

TRIES = 100
"""How many logits within the tolerance are drawn from."""
STOPS = 4


@dataclass(frozen=True)
class Host:
    """What the host chose behind each text, and from which logits."""

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    logits: tuple[Array, ...]
    sampling: Sampling
    given: Arrays = field(default_factory=dict[str, Array])
    """Inputs that are none of the text."""


def by_host(reference: Runner, interface: Interface, text: Text) -> Host:
    """
    Feed one token after the other to the reference, and choose behind the prompt.

    `Refusal` where nothing can be chosen from what it gives.
    """
    tokens, rows = list(text.prompt), list[Array]()
    logits = logits_of(interface)
    assert logits is not None, "a decoder has logits"
    for past, outputs in enumerate(steps_of(reference, interface, tokens, given=text.given)):
        if past + 1 >= len(text.prompt):
            rows.append(outputs[logits.name].reshape(-1, logits.shape[-1].const)[-1])
            try:
                tokens.append(choose(rows[-1], text.sampling, tokens))
            except Unserved as error:
                raise Refusal(str(error)) from error
        if len(rows) == text.count:
            break
    chosen = tuple(tokens[len(text.prompt) :])
    return Host(text.prompt, chosen, tuple(rows), text.sampling, text.given)


def steps_of(
    reference: Runner,
    interface: Interface,
    tokens: Sequence[int],
    past: int = 0,
    caches: Arrays | None = None,
    given: Arrays | None = None,
) -> Iterator[Arrays]:
    """
    What each token gives behind those before it; `tokens` may grow in between.

    The first `past` of them are in the `caches` already. `given` is the same for all of them.
    """
    pairs = cache_pairs(interface)
    if len(pairs) != sum(port.role in KEPT for port in interface.inputs):
        raise Refusal("nothing tells which output is the cache behind a step")
    cache = dict(caches or {before.name: filled(before, tokens, 0) for before, _ in pairs})
    while past < len(tokens):
        held = {**cache, **(given or {})}
        ports = (port for port in interface.inputs if port.name not in held)
        outputs = reference({port.name: filled(port, tokens, past) for port in ports} | held)
        cache = {before.name: outputs[after.name] for before, after in pairs}
        yield outputs
        past += 1


def filled(port: Port, tokens: Sequence[int], past: int, count: int = 1) -> Array:
    """An input of a call that takes `count` tokens behind `past` others, by its role."""
    symbols = {name: past for dim in port.shape for name, _ in dim.terms}
    shape, dtype, end = port.extents(symbols), port.dtype.dtype, past + count
    row = (*shape[:-1], count)
    match port.role:
        case "ids":
            return np.broadcast_to(np.array(tokens[past:end], dtype), row).copy()
        case "mask":
            return np.ones((*shape[:-1], end), dtype)
        case "positions":
            return np.broadcast_to(np.arange(past, end).astype(dtype), row).copy()
        case _:
            return np.zeros(shape, dtype)


def off_by(tokens: Tokens, host: Host, tolerance: float) -> float:
    """
    By how much logits must be off for the tokens to be those that they are; 0 if they agree.

    Infinite where no numbers within the tolerance explain them.
    """
    done, worst = 0, 0.0
    while done < len(host.tokens):
        prompt = (*host.prompt, *host.tokens[:done])
        got = tokens(prompt, len(host.tokens) - done, host.sampling)
        pairs = zip(got, host.tokens[done:], strict=False)
        at = next((i for i, (a, b) in enumerate(pairs) if a != b), len(got))
        if at == len(got):
            return worst if len(got) == len(host.tokens) - done else float("inf")
        before = (*prompt, *got[:at])
        worst = max(worst, _gap(host.logits[done + at], got[at], before, host.sampling, tolerance))
        if not worst <= tolerance:
            return worst
        done += at + 1
    return worst


def _gap(
    logits: Array, token: int, before: Sequence[int], sampling: Sampling, tolerance: float
) -> float:
    """By how much logits must be off for a token to be chosen."""
    if not 0 <= token < logits.size:
        return float("inf")
    exact = logits.astype(np.float64)
    if not sampling.settings(logits.size).sampled:
        scale = max(1.0, float(np.abs(exact).max()))
        return float(exact.max() - exact[token]) / 2 / scale
    rng = np.random.default_rng(0)
    for _ in range(TRIES):
        moved = tolerance * (2 * rng.random(exact.size) - 1)
        near = np.asarray(exact + moved * max(1.0, float(np.abs(exact).max())), np.float32)
        if choose(near, sampling, before) == token:
            return tolerance
    return float("inf")


def request(
    prompt: Sequence[int], count: int, sampling: Sampling, ids: int, given: Arrays
) -> tuple[dict[str, Array], dict[str, int]]:
    """Inputs and values of the entry `generate`; those not given are called after their roles."""
    settings = sampling.settings(ids)
    inputs: dict[str, Array] = {
        **given,
        "tokens": np.array(prompt, np.int64),
        "stops": np.full(STOPS, -1, np.int64),
        "sampler": settings.floats(),
        "sampler_ints": settings.integers(),
    }
    return inputs, {"fed": 0, "total": len(prompt) + count, "sampled": settings.sampled}


def tokens_by(run: Callable[[Case], Sequence[int]], case: Case, host: Host) -> Tokens:
    """What a run hands out for a case of `greedy_cases`, and for other prompts in its place."""

    def tokens(prompt: Sequence[int], count: int, sampling: Sampling) -> Sequence[int]:
        if tuple(prompt) == host.prompt:
            return run(case)
        ids = host.logits[0].size
        inputs, values = request(prompt, count, sampling, ids, host.given)
        return run(replace(case, inputs=inputs, values=values))

    return tokens


def greedy_cases(
    made: Cases, reference: Runner, count: int | None = None
) -> Iterator[tuple[Case, Host]]:
    """
    Calls of `generate`, of at most `count` new tokens, and what the host chooses.

    None where the model is no decoder, or an input has no role that tells how to fill it.
    """
    is_counted = made.symbols or any(p.role == "recurrent" for p in made.interface.inputs)
    if logits_of(made.interface) is None or not is_counted:
        return
    for text in made.texts(made.room, is_drawn=False):
        short = replace(text, count=text.count if count is None else min(text.count, count))
        inputs, values = request(short.prompt, short.count, short.sampling, made.ids, short.given)
        try:
            host = by_host(reference, made.interface, short)
        except (Refusal, KeyError, ValueError):
            return
        yield Case(f"generate {text.name}", inputs, GENERATE, values), host
