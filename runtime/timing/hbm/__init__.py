"""HBM: where bytes lie (`mapping`), what a request consists of (`requests`), what banks take
(`banks`), what that is in time (`law`), and what one adds that follows another (`borders`)."""

from runtime.timing.hbm.borders import Borders
from runtime.timing.hbm.law import (
    Rates,
    Transfer,
    beats,
    busy_units,
    in_units,
    rates,
)
from runtime.timing.hbm.requests import Pattern

__all__ = [
    "Borders",
    "Pattern",
    "Rates",
    "Transfer",
    "beats",
    "busy_units",
    "in_units",
    "rates",
]
