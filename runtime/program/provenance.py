"""Which ONNX nodes each code word came from."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from runtime.errors import Invalid, Malformed
from runtime.isa.spec import Inst

Range = tuple[int, int, tuple[int, ...]]


@dataclass(frozen=True)
class Provenance:
    """Node names, and ranges (first word, end word, indices into names), sorted and disjoint."""

    names: tuple[str, ...] = ()
    ranges: tuple[Range, ...] = ()

    @staticmethod
    def of(code: Sequence[Inst], nodes: Sequence[Sequence[str]]) -> "Provenance":
        """Table for instructions and the node names of each; equal neighbours share a range.

        Instructions may share one sequence of names, which is then looked up once.
        """
        known: dict[int, tuple[int, ...]] = {}
        index: dict[str, int] = {}
        ranges: list[Range] = []
        pc = 0
        for inst, names in zip(code, nodes, strict=True):
            if id(names) not in known:
                known[id(names)] = tuple(index.setdefault(name, len(index)) for name in names)
            ids = known[id(names)]
            end = pc + inst.WORDS
            if ranges and ranges[-1][1:] == (pc, ids):
                ranges[-1] = (ranges[-1][0], end, ids)
            elif ids:
                ranges.append((pc, end, ids))
            pc = end
        return Provenance(tuple(index), tuple(ranges))

    def nodes_at(self, pc: int) -> tuple[str, ...]:
        """Names of the nodes that the word at `pc` belongs to."""
        at = bisect_right(self.ranges, pc, key=lambda r: r[0]) - 1
        if at < 0 or pc >= self.ranges[at][1]:
            return ()
        return tuple(self.names[i] for i in self.ranges[at][2])

    def check_end(self, words: int) -> None:
        """Raise Invalid unless all ranges lie in a code of so many words."""
        if self.ranges and self.ranges[-1][1] > words:
            raise Invalid(f"the provenance goes beyond the {words} words of the code")

    def to_json(self) -> dict[str, Any]:
        """JSON-able form."""
        ranges = [[first, end, list(ids)] for first, end, ids in self.ranges]
        return {"names": list(self.names), "ranges": ranges}

    @staticmethod
    def from_json(data: object) -> "Provenance":
        """The table of `to_json`; Malformed for anything else."""
        try:
            table = cast(dict[str, Any], data)
            names = tuple(table["names"])
            ranges = tuple((r[0], r[1], tuple(r[2])) for r in table["ranges"])
        except (TypeError, KeyError, IndexError):
            raise Malformed("the provenance section is not a table of names and ranges") from None
        _check(names, ranges, len(table))
        return Provenance(names, ranges)


def _check(names: tuple[object, ...], ranges: tuple[Range, ...], keys: int) -> None:
    texts = all(isinstance(n, str) for n in names)
    numbers = all(type(v) is int for first, end, ids in ranges for v in (first, end, *ids))
    if not (texts and numbers and keys == 2):
        raise Malformed("the provenance section holds something else than names and numbers")
    last = 0
    for first, end, ids in ranges:
        if not last <= first < end or not all(0 <= i < len(names) for i in ids):
            raise Malformed(f"provenance range {first} to {end} is out of order")
        last = end
