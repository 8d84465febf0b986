"""Engines that go through several instructions at once: by the library in `served`, where it
serves, else one by one (`plain`)."""

from runtime.native.channels import serving_library
from runtime.target import Target
from runtime.timing.batches.plain import Batches
from runtime.timing.batches.served import NativeEngines
from runtime.timing.hbm import Bordering

__all__ = ["Batches", "NativeEngines", "engines_of"]


DEEPEST = 1 << 12
"""A queue of more instructions is not handed over."""


def engines_of(target: Target, borders: Bordering) -> Batches:
    """Engines that did nothing yet."""
    library = serving_library()
    if library is None or target.queue_depth > DEEPEST:
        return Batches(target, borders)
    return NativeEngines(target, borders, library)
