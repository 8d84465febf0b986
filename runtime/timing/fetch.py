"""The fetch of code: words come one after the other, and anew where a branch is taken.

    the k-th word behind a taken branch is there k fetch_cycles after the branch

and the control processor takes a word up when it is there. Nothing holds the fetch up but a branch:
it goes on while the processor waits, since the ICP prefetches continuously (LPU, IEEE Micro 2024).
With `fetch_cycles` up to `control_latency` nobody ever waits for a word.
"""

from runtime.target import Target


class Fetch:
    """Words since the last branch that was taken, or since the start."""

    def __init__(self, target: Target) -> None:
        self.each = target.fetch_cycles
        self.begun = self.words = 0

    def there(self, words: int) -> int:
        """When the last of so many next words is there."""
        self.words += words
        return self.begun + (self.words - 1) * self.each

    def jump(self, over: int) -> None:
        """A branch is taken, which is over at a time."""
        self.begun, self.words = over, 0
