"""
Which rules of the two checks may refuse which kind of change.

A change that a check refuses by another rule is one that it did not understand.
"""

from __future__ import annotations

from collections.abc import Mapping

A_MESSAGES = frozenset({"order", "balance", "depth", "pairing"})
A_CONTENT = frozenset({"content", "mixture", "turn"})
A_ALL = A_MESSAGES | A_CONTENT
"""How messages pair, and what is where."""

B_MESSAGES = frozenset({"cycle", "message", "left over"})
B_CONTENT = frozenset({"place", "stale", "block", "unread", "unwritten", "way", "settle"})
B_ALL = B_MESSAGES | B_CONTENT

REGISTERS = frozenset({"extent", "branch"})
"""Of A: another register may depend on the device, or be that of another bound."""
NUMBERS = frozenset({"extents", "branch", "bounds"})
"""The same of B, and that a block leaves the LMU or overlaps itself."""

ANY = A_ALL | REGISTERS | {"meant"}, B_ALL | NUMBERS | {"meant"}
"""Of A and of B where anything that the program does may be changed."""

ALLOWED: Mapping[str, Mapping[str, frozenset[str]]] = {
    "A": {
        "dropped": A_ALL | REGISTERS,
        "duplicated": A_ALL,
        "redirected": A_MESSAGES | {"content"},  # a neighbour that is sent what it has
        "extent": A_CONTENT | {"pairing", "extent"},
        "stride": A_CONTENT | {"extent"},
        "base": A_CONTENT,
        "type": A_CONTENT | {"pairing"},
        "scalar": A_CONTENT | {"pairing", "extent"},
        "neighbours": A_ALL | REGISTERS,
        "swapped": A_ALL | {"extent"},
        "source": ANY[0],
        "shared": ANY[0],
    },
    "B": {
        "dropped": B_ALL | NUMBERS,
        "duplicated": B_ALL | {"extents", "bounds"},  # an address that is added to twice
        "redirected": B_MESSAGES,
        "extent": B_CONTENT | {"message", "extents", "bounds"},
        "stride": B_CONTENT | {"extents", "bounds"},
        "base": B_CONTENT | {"bounds"},
        "type": B_CONTENT | {"message", "bounds"},
        "scalar": B_CONTENT | {"message", "extents", "bounds"},
        "neighbours": B_ALL | NUMBERS,
        "swapped": B_ALL | {"extents", "bounds"},
        "source": ANY[1],
        "shared": ANY[1],
    },
}
