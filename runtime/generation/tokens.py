"""Generate with a program: on the device where the program can, else by the loop on the host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from runtime.generation import device, host
from runtime.generation.calls import DeviceCache, Filling, stream
from runtime.generation.decoder import Decoder
from runtime.generation.device import GENERATE, Request
from runtime.generation.feeding import Feed, HostCache
from runtime.generation.prompt import Chunks, chunks_before
from runtime.run.interpreter import Interpreter

Array = np.ndarray[Any, Any]


def generate(machine: Interpreter, request: Request) -> Iterator[int]:
    """Each new token as soon as it is there; Unserved, at once or on the way, when it cannot."""
    program = machine.program
    decoder = Decoder.of(program.interface)
    decoder.check(request.prompt)
    if device.is_on_device(program, request.sampling, decoder.vocabulary):
        decoder.check_given(request.given)
        entry = program.entry(GENERATE)
        filling = Filling(chunks_before(program, entry), request.prompt)
        streaming = partial(stream, machine, GENERATE, filling)
        return device.tokens_of(entry, decoder, streaming, request, filling.fed)
    feed = feed_of(machine, request.given)
    if not request.stops:
        decoder.check_room(len(request.prompt), request.count)
    return _on_host(feed, request)


def feed_of(machine: Interpreter, given: Mapping[str, Array]) -> Feed:
    """Tokens to `step`, with the cache where the program has it, and what is `given` besides."""
    decoder = Decoder.of(machine.program.interface)
    decoder.check_given(given)
    if decoder.is_resident:
        return Feed(decoder, DeviceCache(decoder, machine, Chunks.of(machine.program)), given)
    return Feed(decoder, HostCache(decoder, machine), given)


def _on_host(feed: Feed, request: Request) -> Iterator[int]:
    with closing(feed.cache):
        for token in host.tokens_of(feed, request.prompt, request.count, request.sampling):
            if token in request.stops:
                return
            yield token
