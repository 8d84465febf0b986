"""A profile as one HTML page that needs no other file and no network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lpuc.errors import UserError, printable
from lpuc.files.disk import check_output, write_text
from lpuc.profiling.profile import Profile, Share
from lpuc.profiling.text import facts, ms
from runtime.timing.events import Engine

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE = "page.html"


def check_form(path: Path) -> None:
    """`UserError` unless a page can be written there."""
    check_output(path)
    if path.suffix not in (".html", ".htm"):
        raise UserError("name a page *.html", file=path)
    if find_spec("jinja2") is None:
        raise UserError("a page needs the package jinja2; install 'lpuc[report]'", file=path)


def write_page(found: Profile, title: str, path: Path) -> None:
    """Write the page, whole or not at all; `title` is what was profiled."""
    check_form(path)
    write_text(path, page(found, title))


def page(found: Profile, title: str) -> str:
    """The text of the page."""
    return _templates().get_template(TEMPLATE).render(
        title=printable(title), verdict=found.verdict, facts=list(facts(found)),
        cycles=found.cycles, path=list(_path(found)), engines=list(_engines(found)),
        roles=[_row(found, share) for share in found.roles],
        most=max((share.cycles for share in found.roles), default=1) / max(1, found.cycles),
        better=[(one.what, ms(one.seconds), one.gain) for one in found.better],
        curve=list(_curve(found)),
    )  # fmt: skip


def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("lpuc.profiling", ""), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


@dataclass(frozen=True)
class Part:
    """Part of a run that goes on something; `waits` says that an engine stands still for it."""

    spent: str
    waits: bool
    share: float


@dataclass(frozen=True)
class Row:
    """What a group of ONNX nodes has of the critical path."""

    nodes: tuple[str, ...]
    layers: int
    us: float
    share: float
    parts: tuple[Part, ...]


def _path(found: Profile) -> Iterator[Part]:
    for cause, cycles in found.path.items():
        yield Part(cause, False, cycles / max(1, found.cycles))


def _engines(found: Profile) -> Iterator[tuple[str, tuple[Part, ...]]]:
    """Each engine that works, what it works on first, then what it waits for."""
    for engine in Engine:
        mine = sorted(
            (row for row in found.engines if row.engine == engine),
            key=lambda row: (row.waits, -row.cycles),
        )
        if any(row.cycles and not row.waits for row in mine):
            parts = (Part(row.spent, row.waits, row.cycles / max(1, found.cycles)) for row in mine)
            yield engine.lower(), tuple(part for part in parts if part.share >= 0.0005)


def _row(found: Profile, share: Share) -> Row:
    whole = max(1, found.cycles)
    ordered = sorted(share.spent.items(), key=lambda item: -item[1])
    return Row(
        tuple(map(printable, share.nodes)) or ("(none)",), share.layers,
        share.cycles / whole * found.seconds * 1e6, share.cycles / whole,
        tuple(Part(cause, False, cycles / whole) for cause, cycles in ordered if cycles),
    )  # fmt: skip


def _curve(found: Profile) -> Iterator[tuple[int, str, float]]:
    """Context, time, and its part of the longest."""
    longest = max(found.curve.values(), default=1)
    for context, seconds in found.curve.items():
        yield context, ms(seconds), seconds / longest
