"""
How a verifier says no: one call for one rule, with words that no other rule uses.

A test reads the calls of `require` and `refuse` out of the sources and asks for a case that shows
the message of each.
"""

from __future__ import annotations

from typing import NoReturn

from xdsl.ir import Operation
from xdsl.utils.exceptions import VerifyException

HEX_DIGITS = frozenset("0123456789abcdef")


class Refused(VerifyException):
    """A rule that an operation breaks; `op` is the operation."""

    def __init__(self, op: Operation, message: str):
        super().__init__(f"'{op.name}': {message}")
        self.op = op


def require(op: Operation, holds: bool, message: str) -> None:
    """Refuse an operation unless a rule holds."""
    if not holds:
        raise Refused(op, message)


def refuse(op: Operation, message: str) -> NoReturn:
    """Refuse an operation."""
    raise Refused(op, message)


def restate(op: Operation, error: VerifyException) -> NoReturn:
    """Refuse an operation for what xDSL's own verifiers say of it."""
    raise Refused(op, str(error)) from error
