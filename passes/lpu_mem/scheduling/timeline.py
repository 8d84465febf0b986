"""How long a block takes in an order, and the order in which nothing waits that need not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from passes.lpu_mem.scheduling.costs import Cost, Engine
from passes.lpu_mem.scheduling.touching import Wait


@dataclass
class Timeline:
    """When engines are free and results are there, of the units that are placed so far.

    A unit begins with the first elements that it reads and ends behind the last ones: engines go
    through their work step by step, and so do those that wait for them.
    """

    costs: Sequence[Cost]
    waits: Sequence[Sequence[Wait]]
    free: dict[Engine, float] = field(default_factory=lambda: dict.fromkeys(Engine, 0.0))
    results: dict[int, tuple[float, float]] = field(default_factory=dict[int, tuple[float, float]])
    over: dict[int, float] = field(default_factory=dict[int, float])

    def span(self, unit: int) -> tuple[float, float]:
        """When a unit would begin and end behind those of its engine.

        What is not placed is there from the start.
        """
        cost = self.costs[unit]
        begin, end = self.free[cost.engine], 0.0
        for wait in self.waits[unit]:
            result = self.results.get(wait.on)
            if result is None:
                continue
            if wait.first is None or wait.last is None:
                end = max(end, self.over[wait.on])
                continue
            first, last = result
            begin = max(begin, first + (last - first) * wait.first)
            end = max(end, first + (last - first) * wait.last + cost.work * cost.rest)
        return begin, max(end, begin + cost.work)

    def last_call(self, unit: int) -> float:
        """When a unit has to begin to end as early as it can, without standing still."""
        return self.span(unit)[1] - self.costs[unit].work

    def add(self, unit: int) -> None:
        """Place a unit behind those of its engine."""
        cost, (begin, end) = self.costs[unit], self.span(unit)
        self.free[cost.engine], self.over[unit] = end, end
        first = end if cost.engine is Engine.TRANSFER else begin + cost.work * cost.rest
        self.results[unit] = (first + cost.latency, end + cost.latency)


@dataclass(frozen=True)
class Units:
    """The units of a block by number, in its order: costs at several contexts, and waits."""

    costs: Sequence[Sequence[Cost]]
    waits: Sequence[Sequence[Wait]]
    cuts: Sequence[int]
    """Where products can be cut, as columns; 0 where a unit cannot, and in parts."""
    parts: Sequence[tuple[int, int]]
    """Which operation of the block a unit is, and which part: 0, or 1 and 2 of one that is cut."""

    def cut(self, unit: int) -> Units:
        """The same with a product cut in two halves: the second has the next number."""
        both = (unit, unit)
        spread = [*range(unit), *both, *range(unit + 1, len(self.parts))]
        costs = [
            [c[u]._replace(work=c[u].work / 2) if u == unit else c[u] for u in spread]
            for c in self.costs
        ]
        waits = [[half for wait in self.waits[u] for half in _halved(wait, unit)] for u in spread]
        cuts = [0 if u == unit else self.cuts[u] for u in spread]
        parts = [self.parts[u] for u in spread]
        parts[unit], parts[unit + 1] = ((self.parts[unit][0], half) for half in (1, 2))
        return Units(costs, waits, cuts, parts)

    def times(self, order: Sequence[int], behind: int | None = None) -> list[float]:
        """How long an order takes at each context, or until one unit is over."""
        found = list[float]()
        for costs in self.costs:
            line = Timeline(costs, self.waits)
            for unit in order:
                line.add(unit)
            ends = line.over if behind is None else {behind: line.over[behind]}
            found.append(max(ends.values(), default=0.0))
        return found

    @cached_property
    def needs(self) -> list[int]:
        """For each unit, as bits, those that it waits for, and those that they wait for."""
        found = list[int]()
        for waits in self.waits:
            bits = 0
            for wait in waits:
                bits |= found[wait.on] | 1 << wait.on
            found.append(bits)
        return found

    @cached_property
    def tails(self) -> list[float]:
        """How long it takes at least from the start of each unit to the end of the block."""
        costs = self.costs[len(self.costs) // 2]
        found = [cost.work + cost.latency for cost in costs]
        for unit in range(len(costs) - 1, -1, -1):
            for wait in self.waits[unit]:
                cost = costs[wait.on]
                found[wait.on] = max(found[wait.on], cost.work + cost.latency + found[unit])
        return found

    def packed(self, members: Sequence[int], products: Sequence[int]) -> list[int]:
        """Members in the order in which they can begin; products keep the order that is given.

        Of those that can begin at once the one with the longest tail goes first.
        """
        inside, line = set(members), Timeline(self.costs[len(self.costs) // 2], self.waits)
        left = {u: sum(w.on in inside for w in self.waits[u]) for u in members}
        readers: dict[int, list[int]] = {unit: [] for unit in members}
        for unit in members:
            for wait in self.waits[unit]:
                if wait.on in inside:
                    readers[wait.on].append(unit)
        turns = {unit: turn for turn, unit in enumerate(products)}
        ready = [unit for unit in members if not left[unit]]
        order, turn = list[int](), 0
        while ready:
            can = [u for u in ready if turns.get(u, turn) == turn]
            unit = min(can, key=lambda u: (line.last_call(u), -self.tails[u], u))
            line.add(unit)
            order.append(unit)
            ready.remove(unit)
            turn += unit in turns
            for reader in readers[unit]:
                left[reader] -= 1
                if not left[reader]:
                    ready.append(reader)
        return order


def _halved(wait: Wait, unit: int) -> Iterator[Wait]:
    """A wait where the result of a unit comes in halves, and units behind it are one further."""
    if wait.on != unit:
        yield Wait(wait.on + (wait.on > unit), wait.first, wait.last)
    elif wait.first is None or wait.last is None:
        yield from (wait, Wait(unit + 1, None, None))
    else:
        if wait.first < 0.5:
            yield Wait(unit, 2 * wait.first, min(1.0, 2 * wait.last))
        if wait.last > 0.5:
            yield Wait(unit + 1, max(0.0, 2 * wait.first - 1), 2 * wait.last - 1)
