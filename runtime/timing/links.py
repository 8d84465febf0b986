"""Messages between devices that do the same thing at the same time: what one sends, each sends.

So message `k` that comes from the right is the one that this device sends to the left as its `k`.
Step `n` of a message that is sent in a cycle is received `link_hop_latency` cycles later, or after
that. A message is on its link until its last step is received; a link holds `link_depth` of them.
"""

from collections import deque
from dataclasses import dataclass

from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.events import Cause, Reason
from runtime.timing.scoreboard import NEVER, Needs, Wait
from runtime.traps import Trap, TrapKind

OTHER = {"left": "right", "right": "left"}


@dataclass(frozen=True, eq=False)
class Sent:
    """A message of an instruction: step `n` arrives in cycle `n` + the largest of `lags` so far.

    The first is that of step 0; another one holds from the step of `begins` on.
    """

    number: int
    begins: Ints
    lags: Ints

    def lag(self, step: int) -> int:
        """By how much a step is behind its number."""
        return int(self.lags[self.begins.searchsorted(step, "right")])

    def lags_of(self, steps: Ints) -> Ints:
        """By how much some steps are behind their numbers."""
        return self.lags[self.begins.searchsorted(steps, "right")]


class Links:
    """What is on its way, by the side to which it is sent."""

    def __init__(self, target: Target) -> None:
        self.hop = target.link_hop_latency
        self.sent: dict[str, deque[Sent]] = {side: deque() for side in OTHER}
        self.received = {side: deque[Wait]() for side in OTHER}
        self.room = dict.fromkeys(OTHER, target.link_depth)

    def ready(self, side: str) -> Reason:
        """When a link has room for another message: when the one `link_depth` before is received.

        Trap where that comes behind it in the program.
        """
        if self.room[side] > 0:
            return Reason(0, Cause.LINK, NEVER)
        if not self.received[side]:
            raise Trap(TrapKind.DEADLOCK, f"no message to the {side} is received before it")
        wait = self.received[side][0]
        return Reason(wait.time, Cause.LINK, wait.waited)

    def send(self, side: str, number: int, needs: Needs, lags: Ints) -> None:
        """A message is sent, of which step 0 and those of `needs.begins` lag so much behind."""
        if self.room[side] > 0:
            self.room[side] -= 1
        else:
            self.received[side].popleft()
        self.sent[side].append(Sent(number, needs.begins, lags + self.hop))

    def oldest(self, side: str) -> Sent:
        """The message that comes next from a side; Trap where none is sent before."""
        if not self.sent[OTHER[side]]:
            raise Trap(TrapKind.DEADLOCK, f"no message to the {OTHER[side]} is sent before it")
        return self.sent[OTHER[side]].popleft()

    def note(self, side: str, left: Wait) -> None:
        """A message from a side is received at a time."""
        self.received[OTHER[side]].append(left)
