"""HBM: where bytes lie (`mapping`), what a request consists of (`requests`), what banks take
(`banks`), and what that is in time (`law`)."""

from runtime.timing.hbm.law import Rates, Transfer, beats, busy_units, rates

__all__ = ["Rates", "Transfer", "beats", "busy_units", "rates"]
