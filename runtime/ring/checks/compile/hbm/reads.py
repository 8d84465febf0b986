"""What may be read in HBM of what devices exchange."""

from runtime.ring.checks.compile.content.families import Family
from runtime.ring.checks.compile.content.reading import faults
from runtime.ring.checks.compile.content.shapes import Runs, are_within
from runtime.ring.checks.compile.hbm.loops import Loops
from runtime.ring.checks.compile.hbm.staged import Far, left_of
from runtime.ring.checks.compile.hbm.stored import View, merged
from runtime.ring.checks.compile.hbm.turns import sweeps
from runtime.ring.checks.compile.proof import Rule
from runtime.ring.checks.compile.values import Origin

_OLDER = "{0} reads in HBM what {1} stored of an exchange, and what {2} left there of one before"
_BEYOND = "{0} reads in HBM what {1} stored of an exchange together with other bytes"


class Reads:
    """The reads of one walk; `swept` is what each has read in turns that are walked one by one."""

    def __init__(self, loops: Loops) -> None:
        self.loops = loops
        self.shapes = loops.shapes
        self.symbols = loops.symbols
        self.swept: dict[int, Runs] = {}

    def forget(self, low: int, high: int) -> None:
        """Something is stored in a range: what is read there from now on is another value."""
        self.swept = {
            reader: runs
            for reader, runs in self.swept.items()
            if high <= runs[0][0] or runs[-1][1] <= low
        }

    def read(self, far: Far, at: int, view: View) -> None:
        """Refuse a read of what devices have different, or of a part of what was exchanged."""
        if far.wholes.is_mixed and far.wholes.meets(*self.loops.hull(view)):
            self._read_wholes(far, at, view)
        if self.symbols.origin(view.base) is not Origin.DEVICE:
            self.loops.need(far, at, view)
        met = [f for f in far.meeting(*self.loops.hull(view)) if f in far.stored or any(left_of(f))]
        if not met or self.symbols.origin(view.base) is Origin.DEVICE or self.loops.asks(view):
            return
        is_same = self.symbols.origin(view.base) is Origin.SAME
        for family in met if is_same else ():
            self._read(family, at, view)
            if family in far.stored:
                self._read_rows(family, at, view)

    def _read_wholes(self, far: Far, at: int, view: View) -> None:
        """Refuse a read of two exchanges, or of one with more than there is."""
        report = self.loops.report
        for runs in sweeps(self.shapes, self.loops.turns, view):
            if pair := far.wholes.mixed(self._swept(at, view, runs)):
                report.refuse(Rule.MIXTURE, _OLDER, at, *(whole.at for whole in pair))
            if whole := far.wholes.beyond(self.shapes, view, runs):
                report.refuse(Rule.MIXTURE, _BEYOND, at, whole.at)

    def _swept(self, at: int, view: View, runs: Runs) -> Runs:
        """The bytes that a read takes together with those of turns that are walked one by one."""
        if not self.loops.run or not isinstance(view.base, int):
            return runs
        found = self.swept[at] = merged([*self.swept.get(at, ()), *runs])
        return found

    def _read(self, family: Family, at: int, view: View) -> None:
        for _, piece in left_of(family):
            if self.loops.has(family, piece, view):
                told = "; ".join(dict.fromkeys(text for _, text in faults(family)))
                words = f"{{0}} reads parts in HBM, last put by {{1}}, of which {told}"
                self.loops.refuse(Rule.CONTENT, words, at, piece.at, view)

    def _read_rows(self, family: Family, at: int, view: View) -> None:
        """Refuse a read of what one run of a loop stored together with other bytes.

        All that it may read counts.
        """
        read = self.shapes.runs(self.shapes.greatest(view.shape), view.base)
        met = [piece for piece in family.agreed() if self.loops.has(family, piece, view)]
        if read is None or not met:
            return
        writers = {piece.label.writer for piece in met if piece.label is not None}
        rows = [run for piece in met for run in self.loops.runs(family, piece)]
        if len(writers) > 1 or not are_within(read, rows):
            self.loops.refuse(Rule.MIXTURE, _BEYOND, at, met[0].at, view)
