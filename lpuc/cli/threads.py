"""
How many threads numpy's matrix products use: one, unless asked otherwise.

The number of threads changes the order of additions and with it the last bits of a result. The
libraries read these variables once, when numpy is imported, so this must come first.
"""

import os

VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "BLIS_NUM_THREADS")
"""What numpy's libraries read, each its own."""


def limit_threads(count: int) -> None:
    """Use `count` threads; has no effect once numpy is imported."""
    for name in VARIABLES:
        os.environ[name] = str(count)
