"""HBM: where bytes lie (`mapping`), what a request consists of (`requests`), what banks take
(`banks`), what that is in time (`law`), and, of all channels (`channels`) and what they have of a
request (`parts`), what is otherwise where requests follow each other (`borders`)."""

from runtime.timing.hbm.borders import Border, Borders
from runtime.timing.hbm.law import (
    Rates,
    Transfer,
    beats,
    busy_clocks,
    in_units,
    rates,
)
from runtime.timing.hbm.requests import Pattern

__all__ = [
    "Border",
    "Borders",
    "Pattern",
    "Rates",
    "Transfer",
    "beats",
    "busy_clocks",
    "in_units",
    "rates",
]
