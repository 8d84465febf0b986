"""How long a channel is busy with bursts in some order, in clocks of the memory, tCK.

The channel is found at work at full rate on other rows, long after it left the rows that are asked
for, and every bank holds a row. Bursts go in order; the controller sees `hbm_lookahead` of them
behind the one that comes next and opens rows for them, in order, too. Of burst i, whose bank was
precharged from `closed` on,

    seen[i]   = column[i - 1 - lookahead]
    opened[i] = max(max(seen[i], closed) + tRP, opened of its bank + tRC, opened[last] + tRRD,
                    opened[last but three] + tFAW), where its row is not open
    column[i] = max(column[i - 1] + gap, opened of its bank + tRCD, column of its group + tCCDL)

and the gap is tBL, or tRTW or tWTR where the bus turns.
"""

from collections.abc import Iterable

from runtime.target import Target

LONG_AGO = -(1 << 62)


class Banks:
    """One channel. `serve` takes the next bursts and gives when the bus is free behind each."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.columns: list[int] = []
        self.rows: dict[tuple[int, int], int] = {}
        self.opened: dict[tuple[int, int], int] = {}
        self.closable: dict[tuple[int, int], int] = {}
        self.group: dict[int, int] = {}
        self.opens: list[int] = [LONG_AGO] * 4
        self.wrote: bool | None = None

    def serve(self, bursts: Iterable[tuple[int, int, int]], writes: bool) -> list[int]:
        """Bursts as group, bank and row; clocks count from when the bus is free for the first."""
        t, columns, begun = self.target, self.columns, len(self.columns)
        rcd, left = (t.hbm_nrcdwr, t.hbm_nwtp) if writes else (t.hbm_nrcd, t.hbm_nrtp)
        bl, ccdl = t.hbm_nbl, t.hbm_nccdl
        last = columns[-1] if columns else -bl
        gap = bl if self.wrote in (None, writes) else t.hbm_nrtw if writes else t.hbm_nwtr
        self.wrote = writes
        for group, bank, row in bursts:
            place = (group, bank)
            if self.rows.get(place) != row:
                self._open(place, row)
            last = max(last + gap, self.opened[place] + rcd, self.group.get(group, LONG_AGO) + ccdl)
            columns.append(last)
            self.group[group] = last
            self.closable[place] = max(self.closable.get(place, LONG_AGO), last + left)
            gap = bl
        return [column + bl for column in columns[begun:]]

    @property
    def over(self) -> int:
        """When the bus is free behind all that was served."""
        return self.columns[-1] + self.target.hbm_nbl if self.columns else 0

    def copy(self, row: int) -> "Banks":
        """Another channel in the same state, with all rows so many further."""
        found = Banks(self.target)
        found.columns, found.opens, found.wrote = self.columns.copy(), self.opens, self.wrote
        found.opened, found.closable = self.opened.copy(), self.closable.copy()
        found.group = self.group.copy()
        found.rows = {place: own + row for place, own in self.rows.items()}
        return found

    def forget(self) -> None:
        """Drop bursts that no later one looks at."""
        del self.columns[: -self.target.hbm_lookahead - 1]

    def _open(self, place: tuple[int, int], row: int) -> None:
        t, number = self.target, len(self.columns) - 1 - self.target.hbm_lookahead
        seen = self.columns[number] if number >= 0 else number * t.hbm_nbl
        when = max(
            max(seen, self.closable.get(place, seen)) + t.hbm_nrp,
            self.opened.get(place, LONG_AGO) + t.hbm_nrc,
            self.opens[-1] + t.hbm_nrrd, self.opens[0] + t.hbm_nfaw,
        )  # fmt: skip
        self.opens = [*self.opens[1:], when]
        self.rows[place], self.opened[place] = row, when
