"""
The files of weights that IR names: what they were when it was dumped, and where they are now.

IR names them from the folder of the model, `lpu.model_dir`. A dump notes size and checksum of each.
Whoever reads it looks in the folder that the user names, then where the model was, beside the dump
and in the current folder; a file that is not the same is not used.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import ModuleOp, StringAttr

from dialects.lpu.weights import WeightAttr
from dialects.names import escape
from dialects.reading import all_within
from lpuc.errors import UserError
from passes.analysis.functions import model_folder
from passes.rewriting.kernel import set_attribute
from runtime.files import fill_from, open_regular
from runtime.weights.checksums import block_sum
from runtime.weights.recipes import file_ranges

BLOCK_BYTES = 4 << 20
MOST_BLOCKS = 256
"""Of one file: all of a gigabyte, and every n-th block of what is larger, the last one too."""
MODEL_DIR = "lpu.model_dir"


def names_of_files(module: ModuleOp) -> list[str]:
    """The files of weights that a module names, sorted."""
    found = set[str]()
    for op in all_within(module):
        for attribute in (*op.properties.values(), *op.attributes.values()):
            if type(attribute) is WeightAttr:
                found.update(part.path for part in file_ranges(attribute.data))
    return sorted(found)


def digest(path: Path) -> str:
    """Size and checksum of a file; OSError if it cannot be read."""
    with os.fdopen(open_regular(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        count = -(-size // BLOCK_BYTES)
        chosen = sorted({*range(0, count, -(-count // MOST_BLOCKS) or 1), max(count - 1, 0)})
        total, block = hashlib.sha256(), np.empty(BLOCK_BYTES, np.uint8)
        for index in chosen:
            part = block[: max(0, min(BLOCK_BYTES, size - index * BLOCK_BYTES))]
            if not fill_from(file.fileno(), index * BLOCK_BYTES, part):
                raise OSError(0, "became shorter while it was read", str(path))
            total.update(block_sum(part))
    return f"{size}:{total.hexdigest()[:32]}"


def digests_of(module: ModuleOp) -> dict[str, str]:
    """The digest of each file of weights that exists, by its name in the module."""
    folder, found = model_folder(module), dict[str, str]()
    for name in names_of_files(module):
        try:
            found[name] = digest(folder / name)
        except OSError:
            continue  # a program without weights needs none
    return found


def find_files(
    module: ModuleOp, wanted: Mapping[str, str], folders: Iterable[Path], needed: bool = True
) -> None:
    """
    Let a module name its weights from the first folder that has all of them as they were.

    UserError if none has; where they are not `needed`, only if one has others of that name.
    """
    if not wanted:
        return
    changed: Path | None = None
    for folder in folders:
        states = [_state(folder / name, known) for name, known in wanted.items()]
        if all(state == "same" for state in states):
            set_attribute(module, MODEL_DIR, StringAttr(escape(str(folder))))
            return
        places = zip(wanted, states, strict=True)
        changed = changed or next((folder / n for n, s in places if s == "changed"), None)
    if changed is not None:
        raise UserError(f"the weights in {changed} are not those that the IR was made from")
    if not needed:
        return
    first = next(iter(wanted))
    raise UserError(f"the model's weights, {first}, are not found; name their folder: --model-dir")


def _state(path: Path, known: str) -> str:
    try:
        size = os.stat(path).st_size
        if known.partition(":")[0] != str(size):
            return "changed"
        return "same" if digest(path) == known else "changed"
    except OSError:
        return "absent"
