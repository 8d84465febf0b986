"""Exchanges as wholes: what all messages of one together move, wherever they have these numbers.

Messages move tags and look into none, so what an exchange leaves is said by where each tag comes
from. That is found by following the messages once, and holds wherever what is sent is parts of one
block, as much of it as there always is, that may be sent. Elsewhere, and where a message is wrong
or may be, the messages are followed one by one, and what is wrong is said there.

What computes addresses may stand between messages: it touches registers only, and they none.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Hashable, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from math import prod
from typing import NamedTuple

import numpy as np

from runtime.isa.instructions.net import Recv, Send
from runtime.ring.checks.load.control import COMPUTE
from runtime.ring.checks.load.data import Data, greatest
from runtime.ring.checks.load.forms import Form, Values
from runtime.ring.checks.load.layers.finding import NET, SCALAR, Kinds
from runtime.ring.checks.load.layers.groups import Steps
from runtime.ring.checks.load.links import OPPOSITE, TOWARDS, Ends, is_sound
from runtime.ring.checks.load.memory.runs import Runs, Slots, Tag
from runtime.ring.checks.load.state import State
from runtime.ring.checks.load.touches import run_of
from runtime.ring.checks.load.values import Value

Place = tuple[int, int]
"""First byte and end of what a message has on a device."""


_IS_NET = np.isin(np.arange(256), NET)
_IS_PASSED = np.isin(np.arange(256), [*SCALAR, *NET])


class Message(NamedTuple):
    """What each device sends or receives: whereto or from where, its place, and what it is."""

    is_send: bool
    side: str
    places: Sequence[Place]
    what: Hashable


class Way(NamedTuple):
    """A message in an exchange: the number of its place on each device, and of what it is."""

    is_send: bool
    side: str
    places: Sequence[int]
    what: int


From = tuple[int, int]
"""Where a tag comes from: the number of a place, and a device."""


class Moves(NamedTuple):
    """What an exchange leaves in each place on each device, all of it of what is sent.

    `sent` says for each place from which devices it is sent before something is received there;
    `last` is the last message that was sent, counted from the first one on.
    """

    left: Sequence[Sequence[From]]
    sent: Sequence[Sequence[int]]
    last: int


class Exchange(NamedTuple):
    """An exchange with the numbers in its registers: its places, and what it moves between them."""

    places: Sequence[Place]
    moves: Moves


def exchanges_of(kinds: Kinds, breaks: Sequence[int]) -> dict[int, int]:
    """By the first message of an exchange the end of it: only addresses are computed in between."""
    is_edge, places = ~_IS_PASSED[kinds], np.flatnonzero(_IS_NET[kinds])
    is_edge[[*breaks]] = True
    edges = np.flatnonzero(np.diff(np.cumsum(is_edge)[places], prepend=-1, append=-1))
    firsts, lasts = places[edges[:-1]], places[edges[1:] - 1]
    return dict(zip(firsts.tolist(), (lasts + 1).tolist(), strict=True))


class Exchanges:
    """Executes exchanges whose messages need not be looked at one by one."""

    def __init__(self, steps: Steps, places: dict[int, int], data: Data) -> None:
        self.steps = steps
        self.ends = places
        self.starts = [*places]
        self.data = data
        self._known: dict[Hashable, Exchange | None] = {}
        self._followed: dict[Sequence[Way], Moves | None] = {}

    def execute(self, at: int, state: State) -> int:
        """Execute the exchange that begins here, unless it is to be seen; where to go on."""
        if any(state.links.values()):
            return at
        end, registers, places = self.ends[at], state.registers[:], list[int]()
        words, values = list[str](), list[Values]()
        for place, step in enumerate(self.steps[at:end], at):
            if not isinstance(step, Form):
                COMPUTE[type(step)](step, registers)
                continue
            places.append(place)
            words.append(step.kind.what)
            values.append(step.get(registers))
        key = tuple(words), tuple(values)
        if key not in self._known:
            self._known[key] = self._exchange(places, values)
        exchange = self._known[key]
        if exchange is None or not self._is_moved(exchange, places, state.lmu):
            return at
        state.registers = registers
        return end

    def _exchange(self, places: Sequence[int], values: Sequence[Values]) -> Exchange | None:
        """Some messages; None where they are to be seen one by one."""
        messages = list[Message]()
        for place, found in zip(places, values, strict=True):
            message = self._message(place, found)
            if message is None:
                return None
            messages.append(message)
        parts = sorted({place for message in messages for place in message.places})
        if any(end > low for (_, end), (low, _) in pairwise(parts)):
            return None
        numbers, kinds = {part: number for number, part in enumerate(parts)}, dict[Hashable, int]()
        ways = tuple(
            Way(
                m.is_send,
                m.side,
                tuple([numbers[place] for place in m.places]),
                kinds.setdefault(m.what, len(kinds)),
            )
            for m in messages
        )
        if ways not in self._followed:
            self._followed[ways] = followed(ways, len(parts), self.data.ends)
        moves = self._followed[ways]
        return None if moves is None else Exchange(parts, moves)

    def _message(self, at: int, values: Values) -> Message | None:
        """A message; None where it is no piece at known places, or wrong."""
        inst, form, ends = self.data.narrator.code[at], self.steps[at], self.data.ends
        assert isinstance(form, Form) and isinstance(inst, Send | Recv)
        touches, is_send = form.kind.touches, isinstance(inst, Send)
        (touch,) = touches.reads if is_send else touches.writes
        base, shape, size = values[touch.base], touch.shape((*values, 1)), touch.size
        bases = (base,) * ends.devices if isinstance(base, int) else base
        length = _length(shape, size)
        if not length or not isinstance(bases, tuple):
            return None
        if not is_sound(bases, shape, size, ends.target.lmu_bytes):
            return None
        places = [(base, base + length) for base in bases]
        element = inst.src.type if isinstance(inst, Send) else inst.dst.type
        return Message(is_send, inst.side, places, (shape[:4], element))

    def _is_moved(self, exchange: Exchange, at: Sequence[int], lmu: Runs) -> bool:
        """Move tags, if what is sent is of one block, as much as there always is, and not read."""
        starts, helds, found = lmu.starts, lmu.held, list[slice]()
        (left, sent, last), tags = exchange.moves, dict[From, Tag]()
        for number, ((low, high), devices) in enumerate(zip(exchange.places, sent, strict=True)):
            first, end = bisect_left(starts, low), bisect_left(starts, high)
            if end == len(starts) or (starts[first], starts[end]) != (low, high):
                return False
            for held in helds[first:end]:
                if not isinstance(held, list):
                    return False
                for device in devices:
                    tag = held[device]
                    if tag is None or tags.setdefault((number, device), tag) != tag:
                        return False
            found.append(slice(first, end))
        known, events = self.data.tags.known, {tag.event for tag in tags.values()}
        event = events.pop() if len(events) == 1 else -1
        block = known.blocks.get(event) if event >= self.data.tags.oldest else None
        if block is None or block.grown is not None or block.read is not None:
            return False
        lows = [low for low, _ in exchange.places]
        for number in range(len(lows) - 1, -1, -1):
            starts[found[number]] = (lows[number],)
            slots: Slots = [_moved(tags[one], lows[one[0]] - lows[number]) for one in left[number]]
            helds[found[number]] = (slots,)
        block.sent, block.received = at[last], known.count
        return True


def followed(messages: Sequence[Way], places: int, ends: Ends) -> Moves | None:
    """What messages move; None where one waits or differs, or not all that is left was sent."""
    devices = range(ends.devices)
    held = [[(place, device) for device in devices] for place in range(places)]
    links = {side: deque[tuple[int, list[From]]]() for side in TOWARDS}
    sent, last = set[From](), 0
    for number, message in enumerate(messages):
        waiting = links[message.side if message.is_send else OPPOSITE[message.side]]
        if message.is_send:
            tags = [held[place][device] for device, place in enumerate(message.places)]
            waiting.append((message.what, tags))
            sent.update(tags)
            last = number
        elif waiting and waiting[0][0] == message.what:
            _, tags = waiting.popleft()
            for device, place in enumerate(message.places):
                held[place][device] = tags[(device + TOWARDS[message.side]) % len(tags)]
        else:
            return None
        if len(waiting) > ends.target.link_depth:
            return None
    if any(links.values()) or not sent.issuperset(chain(*held)):
        return None
    return Moves(
        held, [[d for d in devices if (place, d) in sent] for place in range(places)], last
    )


@lru_cache(1 << 12)
def _length(shape: tuple[Value, ...], size: int) -> int:
    """The bytes of a message that is one piece; 0 where it is several, or not known, or none."""
    found = greatest(shape)
    if found is None or found != shape or min(found[:4]) <= 0:
        return 0
    length = prod(found[:4]) * size
    return length if run_of(found, size) == length else 0


def _moved(tag: Tag, shift: int) -> Tag:
    """The tag of bytes that lie so far below where they were."""
    return tag._replace(shift=tag.shift + shift) if shift else tag
