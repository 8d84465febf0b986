"""A change of what devices exchange is refused by a rule of its kind, or changes no number."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest

from runtime.errors import Invalid
from runtime.program.program import Program
from runtime.ring.checks.compile import Rule, Unproved, prove
from runtime.run.interpreter import Interpreter
from tests.unit.runtime.ring.checks.compile.mutations import mutants
from tests.unit.runtime.ring.exchanges import gathering, mixing, parts

CONTENT = {Rule.CONTENT, Rule.MIXTURE}
MESSAGES = {Rule.ORDER, Rule.BALANCE, Rule.DEPTH, Rule.PAIRING}
ALLOWED = {
    "drop": {*CONTENT, *MESSAGES, Rule.EXTENT},
    "duplicate": {*CONTENT, *MESSAGES},
    "redirect": {*MESSAGES, Rule.CONTENT},
    "extent": {*CONTENT, Rule.PAIRING, Rule.EXTENT},
    "stride": {*CONTENT, Rule.EXTENT},
    "type": {Rule.PAIRING},
    "base": CONTENT,
    "scalar": {*CONTENT, Rule.PAIRING, Rule.EXTENT},
    "neighbours": {*CONTENT, *MESSAGES},
    "swap": {*CONTENT, *MESSAGES},
}


def _outputs(program: Program) -> list[bytes]:
    """What two calls give."""
    machine, x = Interpreter(program), parts(program.devices)
    return [machine.run({"x": values})["y"].tobytes() for values in (x, -3 * x)]


@pytest.mark.parametrize(
    ("make", "devices", "step"),
    [
        (gathering, 2, 1),
        (gathering, 4, 4),
        (mixing, 2, 1),
        *(pytest.param(make, 4, 1, marks=pytest.mark.slow) for make in (gathering, mixing)),
    ],
)
def test_a_change_is_refused_or_harmless(make: Callable[[int], Program], devices: int, step: int):
    """Of the many for four devices one in so many is made; all are slow tests."""
    good = make(devices)
    prove(good)
    outputs, rules = _outputs(good), dict[str, set[Rule]]()
    made = (mutant for mutant in mutants(good) if not mutant[0].startswith("source"))
    for kind, at, mutant in islice(made, 0, None, step):
        try:
            prove(mutant)
        except Unproved as refused:
            rules.setdefault(kind, set()).add(refused.rule)
        except Invalid:
            continue
        else:
            with np.errstate(all="ignore"):
                assert _outputs(mutant) == outputs, (kind, at)
    assert set(rules) == set(ALLOWED)
    assert not {
        kind: found - ALLOWED[kind] for kind, found in rules.items() if found - ALLOWED[kind]
    }
