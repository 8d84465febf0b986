"""Turns of loops that go as others went: their events are those of before, moved on.

What a machine does from an instruction on is settled by two things, its *phase* (`phases`) and what
comes next (`turns`). The phase is all that the engines know, counted from now: clocks, queues,
granules of the LMU, accesses to HBM that others may wait for, panels, room in the FIFO, bills,
messages. Now is the time of the control processor, the number of its last instruction, and the
bytes and bills so far. What is over before now, so that nobody who is issued from now on can wait
for it, is no part of the phase; which instruction is the last stream is, for it may be named.

What comes next, of each instruction: its place in the code, its work (`runtime.timing.work`, which
has the addresses in the LMU), what banks and channels are in the way of its request
(`runtime.timing.hbm.borders`), and which earlier accesses to HBM it may have to wait for. The last
two are functions of the program alone, of addresses and of their order, never of time. So they are
found ahead of the engines, and addresses in HBM play no other part.

    phase, turn   ->   events, phase behind it             equal but for a shift of times, numbers

A turn is what lies between two branches back that are taken, if it is not too short. One that was
seen before begins to be remembered, with the phase before and behind it; where both come again the
engines stand still (`recognising`), and are made anew from the phase (`resumed`) for what differs.
Nothing is supposed to repeat, so nothing is approximate, whatever loops there are around a turn.

When that happens is a matter of the layout of HBM. With `hbm_skew` "fold" the bank of a row hangs
on all bits of its number, so no two layers of a model find the same banks in use; with "none" those
do whose images and caches lie whole stripes apart. Turns whose addresses stay repeat everywhere.
"""

from runtime.timing.steady.phases import Phase, phase_of, resumed
from runtime.timing.steady.recognising import Steady, happening
from runtime.timing.steady.turns import Step

__all__ = ["Phase", "Steady", "Step", "happening", "phase_of", "resumed"]
