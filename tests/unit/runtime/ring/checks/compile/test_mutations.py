"""A change of what devices exchange is refused by a rule of its kind, or changes no number."""

from __future__ import annotations

from collections.abc import Callable

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
    ("make", "devices"),
    [
        (gathering, 2),
        (gathering, 4),
        (mixing, 2),
        pytest.param(mixing, 4, marks=pytest.mark.slow),
    ],
)
def test_a_change_is_refused_or_harmless(make: Callable[[int], Program], devices: int):
    good = make(devices)
    prove(good)
    outputs, rules = _outputs(good), dict[str, set[Rule]]()
    for kind, at, mutant in mutants(good):
        if kind.startswith("source"):
            continue
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
