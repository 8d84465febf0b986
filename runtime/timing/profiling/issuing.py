"""When the control processor could issue each instruction of a run, if all queues had room."""

from itertools import pairwise

from runtime.timing.events import Engine
from runtime.timing.fetch import Fetch
from runtime.timing.profiling.record import Record


def issuable(run: Record) -> list[int]:
    """By the number of an instruction, when what comes before it is issued and its words are there;
    of those of the control processor, when it takes them up.
    """
    fetch, found, free = Fetch(run.target), list[int](), 0
    following = [after.pc for _, after in pairwise(run.events)]
    for event, after in zip(run.events, [*following, None], strict=True):
        words, word = run.code[event.pc].WORDS, run.target.control_latency
        there = fetch.there(words)
        if event.engine is not Engine.ICP:
            found.append(max(free + words * word, there + word))
            free = event.issued
            continue
        found.append(max(free, there))
        free = event.left
        if after != event.pc + words:
            fetch.jump(free)
    return found
