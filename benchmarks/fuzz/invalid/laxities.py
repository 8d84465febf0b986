"""
Where ONNX Runtime is no judge, and why: the standard's own reference judges instead.

It refuses what the standard allows (`says` is found in its message), or computes something else
than the standard says (`operator` and `where` are those of the model, `says` is empty).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from onnx.reference import ReferenceEvaluator

from benchmarks.fuzz.invalid.mutations import Mutant
from benchmarks.fuzz.invalid.node import Array, Node


@dataclass(frozen=True)
class Laxity:
    """Models on which ONNX Runtime differs from the standard; all fields are patterns."""

    reason: str
    says: str = ""
    operator: str = ".*"
    where: str = ".*"


LAXITIES = (
    Laxity("it has no kernel for these element types", says="NOT_IMPLEMENTED|NotImplemented"),
    Laxity("its bfloat16 results do not reach Python", says="No corresponding Numpy type"),
    Laxity(
        "its shapes know axes of one integer type, the standard allows two",
        says="ParseData type mismatch",
        operator="Pad",
    ),
    Laxity(
        "nothing says the order of what is not sorted",
        operator="TopK",
        where="attribute sorted",
    ),
    Laxity("the mean of nothing is no number", operator="ReduceMean", where="operand 0"),
    Laxity(
        "it quantises activations where accuracy_level allows it",
        operator="com.microsoft.MatMulNBits",
        where="attribute accuracy_level",
    ),
    Laxity(
        "nothing says what rows of padding are",
        operator="com.microsoft.GroupQueryAttention",
        where="operand 5",
    ),
    Laxity(
        "it does not tell the type of scores where none is declared",
        says="type inference failed",
        operator="com.microsoft.MultiHeadAttention",
        where="results",
    ),
    Laxity(
        "it reads states of another element type as those of its own",
        says="Tensor ty",
        operator="com.microsoft.LinearAttention",
        where="operand 3",
    ),
    Laxity(
        "it dies of zero points that are no constants",
        says="it dies",
        operator="com.microsoft.QLinearWhere",
        where="operand [36]",
    ),
)

UNSOUND = frozenset({"QLinearConv"})
"""What the standard's reference computes wrongly: with zero points of channels, and with groups."""


def laxity_of(made: Mutant, why_not: str) -> Laxity | None:
    """The entry that a model and ONNX Runtime's message fall under."""
    for entry in LAXITIES:
        fits = re.search(entry.says, why_not) if entry.says else not why_not
        operator = re.fullmatch(entry.operator, made.node.operator)
        if fits and operator and re.fullmatch(entry.where, made.where):
            return entry
    return None


def standard(node: Node) -> dict[str, Array] | None:
    """What the standard's reference makes of a node; None if it does not run it."""
    if node.domain or node.op_type in UNSOUND:
        return None
    try:
        values = ReferenceEvaluator(node.model()).run(None, node.inputs())
    except Exception:  # its operators raise all kinds
        return None
    return dict(zip(node.result_names(), map(np.asarray, values), strict=True))
