"""What the library is made of, and how: for whoever builds it and whoever loads it.

This module imports nothing of the project, so that a build runs it by its path.
"""

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent
LIBRARY = "libproducts.so"
SOURCES = (
    "avx2.c", "avx512.c", "channels.c", "checksums.c", "engines.c", "following.c", "granules.c",
    "messages.c", "neon.c", "panels.c", "portable.c", "products.c", "requests.c", "sha256.c",
    "streams.c", "threads.c",
)  # fmt: skip
HEADERS = (
    "channels.h", "dot.h", "elements.h", "engines.h", "forms.h", "granules.h", "offered.h",
    "outer.h", "passes.h", "places.h", "products.h", "streams.h", "sums.h", "sums_x86.h", "times.h",
)  # fmt: skip
FLAGS = (
    "-std=gnu11", "-O2", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden", "-pthread",
)  # fmt: skip
"""No product may be contracted into a sum, and none reordered, but where the source says so."""


def digest(folder: Path = FOLDER) -> str:
    """SHA-256 over the sources and flags, shortened: what a library says that it was made from."""
    total = hashlib.sha256(" ".join(FLAGS).encode())
    for name in (*SOURCES, *HEADERS):
        total.update(name.encode() + (folder / name).read_bytes())
    return total.hexdigest()[:16]
