"""Element types and the scalar functions of the vector engine.

Semantics follow ONNX: integer division truncates towards zero and traps on zero, `mod` takes the
sign of the divisor, i64 wraps, max and min propagate NaN, comparisons give bool. f16 and bf16 are
computed in f32 and rounded once to the result type; how far results may be from the exact ones is
stated in `runtime.numerics.bounds`. The bits of a result depend on its operands alone, not on where
they lie or on what is computed beside them. Callers hold `np.errstate(all="ignore")`.

`FUNCTIONS1` and `FUNCTIONS2` name the functions; `unary` and `binary` turn one into a kernel for
given element types, for example `binary("add", F32, F32, F32)(dst, a, b)`. Those of `unary_into`
and `binary_into` take the result as `out` and are numpy's own functions where nothing is converted.
"""

from collections.abc import Callable
from enum import Enum, StrEnum
from functools import cache
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from runtime.numerics.erf import erf
from runtime.numerics.integers import divide, modulo, power, remainder, shift_right

Array = np.ndarray[Any, np.dtype[Any]]
Kernel1 = Callable[[Array, Array], None]
Kernel2 = Callable[[Array, Array, Array], None]
Into = Callable[..., Any]


class ElementType(StrEnum):
    """Type of one element in memory; `code` is its number in an instruction word.

    F64, I16 and U16 are no types of the machine: recipes read them, and the compiler computes
    constants in the first.
    """

    F32 = "f32"
    F16 = "f16"
    BF16 = "bf16"
    I64 = "i64"
    I32 = "i32"
    I8 = "i8"
    U8 = "u8"
    BOOL = "bool"
    F64 = "f64"
    I16 = "i16"
    U16 = "u16"

    code: int
    itemsize: int
    dtype: np.dtype[Any]

    @property
    def is_float(self) -> bool:
        """Whether this is f32, f16, bf16 or f64."""
        return self.code <= 2 or self.code == 8

    @property
    def is_int(self) -> bool:
        """Whether this is i64, i32, i16, u16, i8 or u8; bool is neither float nor integer."""
        return 3 <= self.code <= 6 or self.code > 8

    @property
    def compute(self) -> np.dtype[Any]:
        """The numpy type in which elements of this type are computed."""
        return np.dtype(np.float32) if self.code <= 2 else self.dtype

    @staticmethod
    def of(dtype: np.dtype[Any]) -> "ElementType | None":
        """The element type of a numpy dtype, None when the machine has none."""
        return next((t for t in ElementType if t.dtype == dtype), None)


_DTYPES: tuple[Any, ...] = (
    np.float32, np.float16, ml_dtypes.bfloat16, np.int64, np.int32, np.int8, np.uint8, np.bool_,
    np.float64, np.int16, np.uint16,
)  # fmt: skip
for _code, (_type, _dtype) in enumerate(zip(ElementType, _DTYPES, strict=True)):
    _type.code = _code
    _type.dtype = np.dtype(_dtype)
    _type.itemsize = _type.dtype.itemsize

TYPES = tuple(t for t in ElementType if t.code < 8)
"""What the machine computes with."""


class Domain(Enum):
    """Element types on which a function is defined."""

    FLOAT = "f"
    INTEGER = "i"
    NUMBER = "fi"
    LOGIC = "ib"
    ANY = "fib"


class Function(NamedTuple):
    """A scalar function: numpy callables for float and for integer or bool operands."""

    domain: Domain
    on_float: Callable[..., Any] | None
    on_int: Callable[..., Any] | None
    gives_bool: bool = False

    def accepts(self, element: ElementType) -> bool:
        """Whether operands of this element type are in the domain."""
        kind = "f" if element.is_float else "i" if element.is_int else "b"
        return element in TYPES and kind in self.domain.value


def _sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)); exp overflows to inf below -88, which gives 0."""
    return np.float32(1) / (np.float32(1) + np.exp(-x))


def _gelu(x: Array) -> Array:
    """x/2 (1 + erf(x / sqrt(2))), each step rounded to f32."""
    return (x * np.float32(0.5)) * (erf(x * np.float32(0.5**0.5)) + np.float32(1))


def _gelu_tanh(x: Array) -> Array:
    """x/2 (1 + tanh u) with u = sqrt(2 / pi) (x + 0.044715 x^3), as x / (1 + exp(-2 u)), in f32."""
    twice = np.float32(-2 * (2 / np.pi) ** 0.5) * (x + np.float32(0.044715) * (x * x * x))
    return x / (np.float32(1) + np.exp(twice))


def _silu(x: Array) -> Array:
    """x / (1 + exp(-x)), each step rounded to f32; -0 where exp overflows, below -88."""
    return x / (np.float32(1) + np.exp(-x))


def _relu(x: Array) -> Array:
    return np.maximum(x, x.dtype.type(0))


def _isnan(x: Array, out: Array | None = None) -> Array:
    """`np.isnan` leaves most elements of a strided result of f32 as they were (numpy 2.4)."""
    return np.not_equal(x, x, out)


def _power(a: Array, b: Array) -> Array:
    """`np.power` has several kernels, of which dense operands always meet the same."""
    return np.power(np.asarray(a, order="C"), np.asarray(b, order="C"))


FUNCTIONS1: dict[str, Function] = {
    "neg": Function(Domain.NUMBER, np.negative, np.negative),
    "abs": Function(Domain.NUMBER, np.abs, np.abs),
    "sqrt": Function(Domain.FLOAT, np.sqrt, None),
    "exp": Function(Domain.FLOAT, np.exp, None),
    "log": Function(Domain.FLOAT, np.log, None),
    "recip": Function(Domain.FLOAT, np.reciprocal, None),
    "tanh": Function(Domain.FLOAT, np.tanh, None),
    "sigmoid": Function(Domain.FLOAT, _sigmoid, None),
    "relu": Function(Domain.NUMBER, _relu, _relu),
    "erf": Function(Domain.FLOAT, erf, None),
    "sin": Function(Domain.FLOAT, np.sin, None),
    "cos": Function(Domain.FLOAT, np.cos, None),
    "isnan": Function(Domain.FLOAT, _isnan, None, gives_bool=True),
    "not": Function(Domain.LOGIC, None, np.invert),
    "floor": Function(Domain.FLOAT, np.floor, None),
    "ceil": Function(Domain.FLOAT, np.ceil, None),
    "round": Function(Domain.FLOAT, np.rint, None),
    "sign": Function(Domain.NUMBER, np.sign, np.sign),
    "gelu": Function(Domain.FLOAT, _gelu, None),
    "gelu_tanh": Function(Domain.FLOAT, _gelu_tanh, None),
    "silu": Function(Domain.FLOAT, _silu, None),
}

FUNCTIONS2: dict[str, Function] = {
    "add": Function(Domain.NUMBER, np.add, np.add),
    "sub": Function(Domain.NUMBER, np.subtract, np.subtract),
    "mul": Function(Domain.NUMBER, np.multiply, np.multiply),
    "div": Function(Domain.NUMBER, np.divide, divide),
    "pow": Function(Domain.NUMBER, _power, power),
    "max": Function(Domain.ANY, np.maximum, np.maximum),
    "min": Function(Domain.ANY, np.minimum, np.minimum),
    "mod": Function(Domain.NUMBER, np.mod, modulo),
    "fmod": Function(Domain.NUMBER, np.fmod, remainder),
    "eq": Function(Domain.ANY, np.equal, np.equal, gives_bool=True),
    "ne": Function(Domain.ANY, np.not_equal, np.not_equal, gives_bool=True),
    "lt": Function(Domain.ANY, np.less, np.less, gives_bool=True),
    "le": Function(Domain.ANY, np.less_equal, np.less_equal, gives_bool=True),
    "gt": Function(Domain.ANY, np.greater, np.greater, gives_bool=True),
    "ge": Function(Domain.ANY, np.greater_equal, np.greater_equal, gives_bool=True),
    "and": Function(Domain.LOGIC, None, np.bitwise_and),
    "or": Function(Domain.LOGIC, None, np.bitwise_or),
    "xor": Function(Domain.LOGIC, None, np.bitwise_xor),
    "shr": Function(Domain.INTEGER, None, shift_right),
}


@cache
def result_fits(function: Function, dst: ElementType, *sources: ElementType) -> bool:
    """Whether `dst` can hold the result: bool, a float of any width, or the operands' own type."""
    first = sources[0]
    if not all(function.accepts(s) for s in sources):
        return False
    same = all(s is first or (s.is_float and first.is_float) for s in sources)
    if function.gives_bool:
        return same and dst is ElementType.BOOL
    return same and (dst is first or (dst.is_float and first.is_float))


def _callable_for(function: Function, source: ElementType) -> Callable[..., Any]:
    chosen = function.on_float if source.is_float else function.on_int
    assert chosen is not None, "domain checked by the instruction"
    return chosen


def _is_native(function: Function, dst: ElementType, *sources: ElementType) -> bool:
    """Whether a numpy function can work on the elements as they are, straight into the result."""
    first = sources[0]
    same = all(s is first for s in sources) and (dst is first or function.gives_bool)
    return same and first.compute == first.dtype and first is not ElementType.BOOL


def truth(bools: Array) -> Array:
    """Bools as 0 and 1: every byte but 0 is true, while some kernels of numpy compare bytes."""
    return bools.view(np.uint8) != 0


def _widening(element: ElementType) -> Callable[[Array], Array]:
    """From elements to what functions of them are computed on."""
    compute = element.compute
    return truth if element is ElementType.BOOL else lambda x: x.astype(compute, copy=False)


def unary_into(name: str, dst: ElementType, a: ElementType) -> Into:
    """Kernel `(a, out=dst)` of a one-operand function for these element types."""
    function = FUNCTIONS1[name]
    f = _callable_for(function, a)
    if (f is _isnan or isinstance(f, np.ufunc)) and _is_native(function, dst, a):
        return f
    wide = _widening(a)

    def widened(x: Array, out: Array) -> None:
        out[...] = f(wide(x))

    return widened


def binary_into(name: str, dst: ElementType, a: ElementType, b: ElementType) -> Into:
    """Kernel `(a, b, out=dst)` of a two-operand function for these element types."""
    function = FUNCTIONS2[name]
    f = _callable_for(function, a)
    if isinstance(f, np.ufunc) and _is_native(function, dst, a, b):
        return f
    wide = _widening(a)

    def widened(x: Array, y: Array, out: Array) -> None:
        out[...] = f(wide(x), wide(y))

    return widened


def unary(name: str, dst: ElementType, a: ElementType) -> Kernel1:
    """Kernel `(dst, a)` of a one-operand function for these element types."""
    kernel = unary_into(name, dst, a)

    def run(out: Array, x: Array) -> None:
        kernel(x, out=out)

    return run


def binary(name: str, dst: ElementType, a: ElementType, b: ElementType) -> Kernel2:
    """Kernel `(dst, a, b)` of a two-operand function for these element types."""
    kernel = binary_into(name, dst, a, b)

    def run(out: Array, x: Array, y: Array) -> None:
        kernel(x, y, out=out)

    return run


def convert(values: Array, dst: ElementType) -> Array:
    """Cast elements to `dst`.

    Float to integer truncates towards zero by way of i64, NaN and what i64 cannot hold become the
    i64 minimum, and the low bits are kept; anything to bool is `!= 0`. Other casts are numpy's:
    round half to even, overflow to infinity, integers wrap. Integers reach bf16 by way of f32.
    """
    source = ElementType.of(values.dtype)
    if source is ElementType.BOOL:
        return truth(values).astype(dst.dtype, copy=False)
    if dst is ElementType.BOOL:
        return np.not_equal(values, values.dtype.type(0))
    if source is not None and source.is_float and not dst.is_float:
        wide = values.astype(np.float64)
        held = np.where(np.abs(wide) < 2.0**63, wide, -(2.0**63))
        return held.astype(np.int64).astype(dst.dtype)
    return values.astype(dst.dtype)
