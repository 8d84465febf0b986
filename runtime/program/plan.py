"""What each of several devices computes, and what all of them hold: told to the user, run by none.

    {"devices": 4, "model": "9f86d081884c7d65", "products": {"node_linear": "3/4, 2, 32"},
     "parameters": 98304, "share": 3.125,
     "whole": [{"bytes": 3072, "node": "norm", "reason": "lpu.norm needs all of it"}]}

`parameters` are all bytes of the model's weights, `share` is percent of them that is held whole,
tables of angles aside.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from runtime.errors import Malformed

Plan = Mapping[str, Any]

_ENTRIES = {
    "devices": int, "model": str, "products": dict,
    "parameters": int, "share": float, "whole": list,
}  # fmt: skip
_WHOLE = {"bytes": int, "node": str, "reason": str}


def plan_from_json(data: object) -> Plan:
    """A plan as it is in a program file; Malformed for anything else."""
    plan = _table(data, _ENTRIES)
    products = cast("Mapping[str, object]", plan["products"])
    if not all(isinstance(cut, str) for cut in products.values()):
        raise Malformed("the plan of a program cuts a product in no way that is text")
    for weight in cast("Sequence[object]", plan["whole"]):
        _table(weight, _WHOLE)
    return plan


def _table(data: object, kinds: Mapping[str, type]) -> Plan:
    table = cast("Mapping[str, object]", data)
    if not isinstance(data, dict) or table.keys() != kinds.keys():
        raise Malformed(f"the plan of a program has no table of {', '.join(kinds)}")
    for name, kind in kinds.items():
        value = table[name]
        if type(value) is not kind:
            raise Malformed(f"{name!r} in the plan of a program is no {kind.__name__}")
    return table
