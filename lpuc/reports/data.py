"""Reports as plain data, which JSON can hold."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np


def plain(value: object) -> Any:
    """Dictionaries, lists, numbers and text; a number that JSON lacks becomes its name."""
    if is_dataclass(value) and not isinstance(value, type):
        shown = (field.name for field in fields(value) if field.repr)
        return {name: plain(getattr(value, name)) for name in shown}
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        return {str(key): plain(item) for key, item in pairs}
    if isinstance(value, np.dtype | Path):
        return str(cast("object", value))
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [plain(item) for item in cast("Iterable[object]", value)]
    return value


def as_json(value: object) -> str:
    """A report as a JSON text."""
    return json.dumps(plain(value), indent=1, ensure_ascii=True)
