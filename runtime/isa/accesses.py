"""The bytes that an operand touches, for whoever orders instructions without executing them."""

from typing import NamedTuple

Four = tuple[int, int, int, int]


class Access(NamedTuple):
    """Elements of `itemsize` bytes at `base`, strided in bytes, in HBM or else in the LMU.

    Along an axis of `jumps` the element lies in a row that an index chooses; the rows cover
    `reach` bytes.
    """

    hbm: bool
    reads: bool
    writes: bool
    itemsize: int
    base: int
    extents: Four
    strides: Four
    jumps: tuple[bool, bool, bool, bool] = (False, False, False, False)
    reach: int = 0

    def bounds(self) -> tuple[int, int]:
        """First byte and the byte behind the last; equal when there are no elements."""
        low = high = self.base
        for extent, stride in zip(self.extents, self.strides, strict=True):
            if extent <= 0:
                return (self.base, self.base)
            if stride > 0:
                high += (extent - 1) * stride
            else:
                low += (extent - 1) * stride
        return (low, high + self.reach + self.itemsize)

    def runs(self) -> tuple[int, int]:
        """Number and length in bytes of the contiguous pieces; broadcast axes cost nothing."""
        count, run = 1, self.itemsize
        axes = zip(self.strides, self.extents, self.jumps, strict=True)
        for stride, extent, jump in sorted((abs(s), e, j) for s, e, j in axes):
            if extent <= 0:
                return (0, 0)
            if jump or (extent > 1 and stride > run):
                count *= extent
            elif extent > 1:
                run += (extent - 1) * stride
        return (count, run)
