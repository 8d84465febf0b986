"""
What was wrong before a pass broke off: IR that is wrong makes passes refuse or break that are not.

What was done up to there is judged by its numbers, the model as it was imported first. Where roles
and extents are not known yet, it is called as the types in its file say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

from onnx import ModelProto

from lpuc.diagnosis.blame import module_of, own_frames
from lpuc.diagnosis.failure import Hang
from lpuc.diagnosis.limits import at_most
from lpuc.diagnosis.reduction.inputs import of_shapes
from lpuc.diagnosis.search import Problem
from lpuc.levels.cases import Case
from lpuc.levels.onnx_runtime import Reference, Refusal

SECONDS = 20.0
"""After how long it is the pass that broke off."""
EXTENTS = (2, 4)
"""What dimensions may be that have a name."""
MOST = 6
"""How many names are tried with either."""
JUDGES = "lpuc.diagnosis."
"""The package of what judges."""


def earlier(judge: Callable[[], None]) -> Problem | None:
    """The problem that judging what was done before finds, in some time."""
    try:
        with at_most(SECONDS):
            judge()
    except Problem as problem:
        return problem
    except Hang:
        return None
    except Exception as error:
        if is_judges(error):
            raise
    return None


def is_judges(error: Exception) -> bool:
    """
    Whether an error was raised by what judges: a bug of that, of which must be heard.

    What the IR raises when it is run, or when somebody asks how it is called, is no such thing:
    then nothing is known of it.
    """
    return bool(frames := own_frames(error)) and module_of(frames[0]).startswith(JUDGES)


def called_by_types(reference: Reference, given: Mapping[str, int]) -> Sequence[Case]:
    """A call that ONNX Runtime takes, by the types of inputs alone; none if none is found."""
    for shape in _extents(reference.proto, given):
        inputs = of_shapes(reference.proto, shape)
        try:
            reference(inputs)
        except Refusal:
            continue
        return (Case("as the file declares it", inputs),)
    return ()


def _extents(model: ModelProto, given: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Extents for the names of dimensions: sums as they say, of others all that may be."""
    dims = [d for i in model.graph.input for d in i.type.tensor_type.shape.dim]
    names = dict.fromkeys(d.dim_param for d in dims if d.dim_param)
    plain = [n for n in names if "+" not in n and n not in given]
    for extents in product(EXTENTS, repeat=len(plain)) if len(plain) <= MOST else ():
        known = {**dict(zip(plain, extents, strict=True)), **given}
        yield known | {name: _sum(name, known) for name in names if "+" in name}


def _sum(name: str, known: Mapping[str, int]) -> int:
    terms = [term.strip() for term in name.split("+")]
    return sum(int(term) if term.isdigit() else known.get(term, EXTENTS[0]) for term in terms)
