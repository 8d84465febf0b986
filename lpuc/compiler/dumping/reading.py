"""What text says besides the IR: the nodes of keys, where it stands, where its weights are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from xdsl.dialects.builtin import (
    ArrayAttr,
    FusedLoc,
    LocationAttr,
    ModuleOp,
    NameLoc,
    StringAttr,
)
from xdsl.ir import Attribute, BlockArgument, Operation

from dialects.errors import location_names, location_of
from dialects.lpu.nodes import NODES, NodesAttr, expanded
from dialects.names import unescape
from dialects.reading import all_within
from lpuc.compiler.dumping.weight_files import find_files
from lpuc.compiler.dumping.written import Standing
from lpuc.errors import UserError
from passes.analysis.functions import dictionary, model_folder
from passes.rewriting.kernel import locate, set_attribute
from passes.rewriting.standing import BEHIND, DUMP, REST


def expand_locations(module: ModuleOp) -> bool:
    """Put the names of nodes in the place of keys; whether there was a table of them."""
    table = module.attributes.get(NODES)
    if not isinstance(table, NodesAttr):
        return False
    names, known = table.names, dict[Attribute, LocationAttr]()
    for place in _places(module):
        location = place.location
        if location not in known:
            known[location] = _expanded(location, names)
        locate(place, known[location])
    set_attribute(module, NODES, None)
    return True


def _places(module: ModuleOp) -> Iterator[Operation | BlockArgument]:
    for op in all_within(module):
        yield op
        for region in op.regions:
            for block in region.blocks:
                yield from block.args


def _expanded(location: LocationAttr, names: dict[int, tuple[str, ...]]) -> LocationAttr:
    if not isinstance(location, NameLoc | FusedLoc):
        return location
    try:
        return location_of(expanded(location_names(location), names))
    except KeyError as error:
        key = error.args[0]
        raise UserError(f'loc("{key}"): the table of nodes has no such entry') from None


def standing_of(module: ModuleOp) -> Standing | None:
    """Where a module says that it stands, None if it says nothing."""
    stated = module.attributes.get(DUMP)
    if stated is None:
        return None
    entries = dictionary(stated)
    behind, rest, weights = (entries.get(name) for name in (BEHIND, REST, "weights"))
    if not (isinstance(behind, StringAttr) and isinstance(weights, StringAttr)):
        raise UserError(f"the attribute {DUMP} does not say where the IR stands")
    if not isinstance(rest, ArrayAttr):
        raise UserError(f"the attribute {DUMP} does not say which passes are to come")
    specs = [e.data for e in cast("ArrayAttr[Attribute]", rest) if isinstance(e, StringAttr)]
    files = dictionary(entries.get("files"))
    known = {unescape(n): d.data for n, d in files.items() if isinstance(d, StringAttr)}
    return Standing(behind.data, tuple(specs), weights.data, known)


def find_weights(
    module: ModuleOp, text: Path | None, model_dir: Path | None = None, needed: bool = True
) -> None:
    """
    Let a module name its weights where they are: it was read from the file `text`, None for stdin.

    UserError if they are not as they were, or nowhere though they are `needed`.
    """
    standing = standing_of(module)
    if standing is not None and standing.weights != "none":
        beside = () if text is None else (text.parent,)
        folders: Sequence[Path] = (model_folder(module), *beside, Path())
        find_files(module, standing.files, (model_dir,) if model_dir else folders, needed)
