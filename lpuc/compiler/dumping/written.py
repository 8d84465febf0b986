"""
IR as the text of a file that can be fed back.

Locations are keys into a table of ONNX nodes that stands at its head, with what else whoever reads
it must know: behind which pass it stands, which are to come, and of which files it names weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, LocationAttr, ModuleOp, StringAttr

from dialects.errors import location_names
from dialects.lpu.nodes import NODES, NodesAttr, key_of, table_of, text_of, written
from dialects.names import escape, unescape
from lpuc.compiler.dumping.texts import Texts, spelled
from lpuc.compiler.dumping.weight_files import MODEL_DIR, digests_of
from passes.rewriting.standing import BEHIND, DUMP, REST

IMPORT = "import"
"""What a module stands behind that no pass has changed."""
_HEAD = re.compile(r"builtin\.module(?: attributes \{)?")
_USED = re.compile(r'loc\("#([0-9]+)"\)')


@dataclass(frozen=True)
class Standing:
    """What IR says of itself: the pass it stands behind, those to come, and what it was made of."""

    behind: str = IMPORT
    rest: tuple[str, ...] = ()
    weights: str = "embed"
    files: Mapping[str, str] = field(default_factory=dict[str, str])

    def attribute(self) -> DictionaryAttr:
        """The attribute of a module that says it."""
        files = {escape(name): StringAttr(known) for name, known in self.files.items()}
        return DictionaryAttr(
            {
                BEHIND: StringAttr(self.behind),
                REST: ArrayAttr([StringAttr(spec) for spec in self.rest]),
                "weights": StringAttr(self.weights),
                "files": DictionaryAttr(files),
            }
        )


class Written:
    """Modules as text, one after the other: a node has the same key in all of them."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, ...], int] = {}
        self._names: list[tuple[str, ...]] = []
        self._entries: dict[int, str] = {}
        self.texts = Texts(self._spell)

    def body(self, module: ModuleOp) -> str:
        """The text of a module, without what stands at its head."""
        return self.texts.of(module)

    def whole(self, module: ModuleOp, body: str, standing: Standing | None) -> str:
        """The text of a file, of the text of a module."""
        used = sorted(map(int, set(_USED.findall(body))))
        stated = module.attributes.get(DUMP) if standing is None else standing.attribute()
        head = [] if stated is None else [(DUMP, spelled(stated))]
        table = table_of([(number, self._entry(number)) for number in used])
        head.append((NODES, f"#{NodesAttr.name}{table}"))
        found = _HEAD.match(body)
        assert found is not None, "a module begins a text"
        rest = _with_full_folder(module, body[found.end() :])
        if standing is None and head:
            rest = rest.replace(f"{DUMP} = {head[0][1]}", "", 1).removeprefix(", ")
        entries = ", ".join(f"{name} = {text}" for name, text in head)
        close = ", " if found[0].endswith("{") else "}"
        return f"builtin.module attributes {{{entries}{close}{rest}"

    def _entry(self, number: int) -> str:
        known = self._entries.get(number)
        if known is None:
            known = self._entries[number] = text_of(written(self._names[number]))
        return known

    def _spell(self, location: LocationAttr) -> str:
        names = location_names(location)
        if not names:
            return spelled(location)
        number = self._numbers.setdefault(names, len(self._names))
        if number == len(self._names):
            self._names.append(names)
        return f'loc("{key_of(number)}")'


def _with_full_folder(module: ModuleOp, text: str) -> str:
    """The folder of the model from the root, so that the file may be read from another one."""
    folder = module.attributes.get(MODEL_DIR)
    if not isinstance(folder, StringAttr):
        return text
    full = escape(str(Path(unescape(folder.data)).absolute()))
    old = f"{MODEL_DIR} = {spelled(folder)}"
    return text.replace(old, f"{MODEL_DIR} = {spelled(StringAttr(full))}", 1)


def fed_back(module: ModuleOp, standing: Standing | None = None) -> str:
    """A module as the text of a file that can be fed back; it stands where it says if none."""
    written = Written()
    return written.whole(module, written.body(module), standing)


def standing_at(
    module: ModuleOp, specs: Sequence[str], done: int, weights: str = "embed"
) -> Standing:
    """Where a module stands of which so many passes of a pipeline have run."""
    behind = specs[done - 1] if done else IMPORT
    return Standing(behind, tuple(specs[done:]), weights, digests_of(module))
