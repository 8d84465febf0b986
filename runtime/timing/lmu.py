"""Banks of the LMU: how many cycles it takes to give an engine the elements of one step.

Granules lie in banks in turn, and a bank gives or takes one of them in a cycle, for each operand,
which has a way of its own to every bank. So what counts is how many granules of one operand that a
step touches lie in one bank:

    cycles = most granules of a bank, of those at 0, |stride|, 2 |stride| ... for each lane

All steps of a pass take as many cycles as the first one of a row that begins with a granule.
Elements that follow each other lie in granules that follow each other; a stride that is a multiple
of all banks finds every lane in one. Transfers and messages pass the LMU at their own pace.
"""

from collections import Counter
from functools import lru_cache

from runtime.target import Target


def step_cycles(stride: int, lanes: int, target: Target) -> int:
    """Cycles of a step that takes so many elements of an operand, so many bytes apart."""
    return _cycles(abs(stride), lanes, target.lmu_banks, target.lmu_granule)


@lru_cache(4096)
def _cycles(stride: int, lanes: int, banks: int, granule: int) -> int:
    granules = {lane * stride // granule for lane in range(lanes)}
    return max(Counter(number % banks for number in granules).values(), default=1)
