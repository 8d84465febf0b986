"""What is measured, and how often."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lpuc.errors import UsageError, UserError
from runtime.generation.decoder import Decoder

CONTEXT = 1024
"""Tokens in the cache unless asked otherwise, where so many fit."""
SETTLED = 1
"""Tokens of each round that are not counted: between them and the prompt much changes."""
PROFILED = 8
"""Tokens of the last round whose instructions are timed one by one; as many run between them."""


@dataclass(frozen=True)
class Plan:
    """
    A number of rounds, each of a prompt that leaves `context` tokens in the cache, and `tokens`
    that are timed behind it; the first `warm_up` rounds are not counted.
    """

    context: int
    tokens: int
    rounds: int
    warm_up: int
    threads: int
    seed: int = 0

    @property
    def more(self) -> int:
        """Tokens that are asked for behind the first one of a round."""
        return SETTLED + self.tokens + SETTLED + 2 * PROFILED

    def prompt(self, vocabulary: int, turn: int) -> list[int]:
        """Random tokens; each round has others."""
        random = np.random.default_rng([self.seed, turn])
        return random.integers(0, vocabulary, self.context).tolist()


def fitted(plan: Plan, context: int | None, decoder: Decoder) -> Plan:
    """The plan with a context that fits the program; UserError if what was asked for does not."""
    if min(plan.tokens, plan.rounds, plan.warm_up) < 1:
        raise UsageError("--tokens, --rounds and --warm-up are at least 1")
    if decoder.width not in (None, 1):
        raise UserError(
            f"a step of the program takes {decoder.width} tokens; compile the model without fixing "
            "the length of the sequence"
        )
    room = decoder.room - plan.more
    wanted = min(CONTEXT, room) if context is None else context
    if not 1 <= wanted <= room:
        raise UserError(
            f"a prompt of {max(wanted, 1)} tokens and {plan.more + 1} more do not fit the "
            f"{decoder.room} of the program; compile it with a larger --max-context, or give a "
            "smaller --context or --tokens"
        )
    return replace(plan, context=wanted)
