"""Tensors for the models: small, the same in every run, and large enough to tell elements apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.fuzz.invalid.node import Array, Node, Operand

_RANDOM = np.random.default_rng(11)

Given = Array | Operand | None


def floats(*shape: int, low: float = -2.0, high: float = 2.0) -> Array:
    return _RANDOM.uniform(low, high, shape).astype(np.float32)


def positive(*shape: int) -> Array:
    return floats(*shape, low=0.25, high=3.0)


def half(*shape: int) -> Array:
    return floats(*shape).astype(np.float16)


def whole(*shape: int, low: int = -9, high: int = 10, dtype: Any = np.int64) -> Array:
    return _RANDOM.integers(low, high, shape).astype(dtype)


def packed(*shape: int) -> Array:
    return whole(*shape, low=0, high=256, dtype=np.uint8)


def flags(*shape: int) -> Array:
    return whole(*shape, low=0, high=2) > 0


def ints(*values: Any, dtype: Any = np.int64) -> Array:
    return np.array(values, dtype)


def fixed(array: Array) -> Operand:
    """A constant of the model."""
    return Operand(array, constant=True)


def known(*values: int) -> Operand:
    """A constant list of integers: axes, shapes, pads."""
    return fixed(np.array(values, np.int64))


def number(value: int) -> Operand:
    """A constant integer without dimensions."""
    return fixed(np.array(value, np.int64))


def node(op_type: str, *operands: Given, results: int = 1, **attributes: object) -> Node:
    """A node of the standard; `opset` and `domain` may be among the attributes."""
    opset, domain = attributes.pop("opset", 23), attributes.pop("domain", "")
    assert isinstance(opset, int)
    assert isinstance(domain, str)
    slots = tuple(Operand(o) if isinstance(o, np.ndarray) else o for o in operands)
    return Node(op_type, slots, attributes, results, domain, opset)


def microsoft(op_type: str, *operands: Given, results: int = 1, **attributes: object) -> Node:
    return node(op_type, *operands, results=results, domain="com.microsoft", **attributes)
