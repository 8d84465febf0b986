"""The kernels that this machine runs; none where the library was not built or is not wanted."""

import os

import pytest

from runtime.native.library import OFF, SWITCH, Unusable, load
from runtime.native.sources import FOLDER, LIBRARY, digest


def _kernels():
    try:
        return load(FOLDER / LIBRARY, digest())
    except Unusable:
        return []


KERNELS = [] if os.environ.get(SWITCH) == OFF else _kernels()
needs_library = pytest.mark.skipif(not KERNELS, reason="no library of native products")
