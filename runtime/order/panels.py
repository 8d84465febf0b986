"""How many panels can be in flight: pushed by a stream and not drained by a product yet.

Sizes are bytes, oldest first. Nothing here depends on time: what no later product can change is
counted as done.
"""

from collections.abc import Sequence
from itertools import accumulate

from runtime.isa.accesses import Access
from runtime.target import Target


def panel_bytes(access: Access) -> int:
    """Bytes of a panel in the FIFO; what an axis of stride 0 repeats counts once."""
    (count, run), (low, high) = access.runs(), access.bounds()
    return min(count * run, high - low)


def always_in_flight(target: Target) -> int:
    """Panels, whatever their sizes, that can be in flight at once: one is taken up, others wait."""
    return target.queue_depth + 1


def requested(sizes: Sequence[int], target: Target) -> int:
    """Panels that are requested whole although none of them drains."""
    return sum(total <= target.fifo_bytes for total in accumulate(sizes))


def waiting(sizes: Sequence[int], target: Target) -> int:
    """Panels that stay in the queue: behind those requested whole, one is taken up."""
    return max(0, len(sizes) - requested(sizes, target) - 1)


def blocks(sizes: Sequence[int], target: Target) -> bool:
    """Whether one more stream, issued behind panels in flight, would wait for ever."""
    if len(sizes) < always_in_flight(target):
        return False
    return waiting(sizes, target) >= target.queue_depth


def sent(sizes: Sequence[int], index: int, target: Target) -> bool:
    """Whether a panel in flight is requested to its last byte although none drains."""
    return index < requested(sizes, target)
