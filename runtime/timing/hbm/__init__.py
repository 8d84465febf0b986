"""HBM: where bytes lie (`mapping`), what a request consists of (`requests`), what banks take
(`banks`), what that is in time (`law`), and what is otherwise where requests follow each other
(`borders`; by the library in `served`): what all channels have of a request (`parts`), burst by
burst (`queues`), and when they did it (`clocks`; by numpy in `channels`, by the library in
`native`)."""

from runtime.timing.hbm.borders import NOTHING, Border, Bordering, Borders, Request
from runtime.timing.hbm.law import (
    Rates,
    Transfer,
    beats,
    busy_clocks,
    in_units,
    rates,
)
from runtime.timing.hbm.requests import Pattern
from runtime.timing.hbm.served import borders_of

__all__ = [
    "NOTHING",
    "Border",
    "Bordering",
    "Borders",
    "Pattern",
    "Rates",
    "Request",
    "Transfer",
    "beats",
    "borders_of",
    "busy_clocks",
    "in_units",
    "rates",
]
