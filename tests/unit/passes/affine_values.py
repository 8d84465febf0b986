"""Random affine expressions over `P` and `Q`, and every value that the two may have."""

from __future__ import annotations

from itertools import product

from hypothesis import strategies as st

from dialects.affine import Affine, Ranges

RANGES: Ranges = {"P": (0, 5), "Q": (1, 3)}
VALUES = [{"P": p, "Q": q} for p, q in product(range(6), range(1, 4))]

small = st.integers(-9, 9)
affines = st.builds(
    lambda const, p, q: Affine(const) + Affine.symbol("P", p) + Affine.symbol("Q", q),
    small,
    small,
    small,
)
"""Any expression over the two symbols."""

extents = st.builds(
    lambda const, p: Affine(const) + Affine.symbol("P", p), st.integers(0, 6), st.integers(0, 2)
)
"""An expression that is never negative."""
