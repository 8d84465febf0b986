"""How far a scalar function of floats may be from the exact value.

    error <= ulps * ulp(exact) + absolute                      in f32
    error <= that + ulp(exact) / 2, ulp of the result's type   in f16 and bf16, which are computed
                                                               in f32 and rounded once

ulp(v) is the distance of the two numbers of the type around v; what exceeds the greatest one counts
as the power of two behind it. Half an ulp is the result that is nearest to the exact one, even on
a tie, and 0 is the exact result. What holds of no bound: zeros carry the sign of the exact result
(which zero `max`, `min` and `relu` give for zeros of both signs is not specified), NaN gives NaN,
and where the steps of a function overflow the result is that of the steps: `gelu`, `gelu_tanh` and
`silu` of -inf are NaN. Payload and sign of a NaN that is computed are not specified, nor whether
`pow` gives NaN or 1 where C gives 1 for a NaN that is quiet and this one is signalling.

The bounds hold for all of numpy's kernels: on machines with AVX-512, with AVX2, and with neither.
Integer functions are exact modulo 2^n.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bound:
    """Greatest error of a function in f32: in units of the last place, and beside them."""

    ulps: float
    absolute: float = 0.0


EXACT = Bound(0)
NEAREST = Bound(0.5)

BOUNDS: dict[str, Bound] = {
    **dict.fromkeys(("neg", "abs", "relu", "sign", "floor", "ceil", "round", "isnan"), EXACT),
    **dict.fromkeys(("max", "min", "fmod", "eq", "ne", "lt", "le", "gt", "ge"), EXACT),
    **dict.fromkeys(("sqrt", "recip", "add", "sub", "mul", "div", "mod"), NEAREST),
    "exp": Bound(2.6),
    "log": Bound(4),
    "tanh": Bound(3),
    "sin": Bound(2),
    "cos": Bound(2),
    "erf": Bound(2),
    "pow": Bound(4),
    # exp overflows below -88.7, which gives 0 instead of less than 2^-128
    "sigmoid": Bound(4, 3e-39),
    # -0 below -88.7 instead of at most 89 * 2^-128
    "silu": Bound(4, 3e-37),
    # 1 + erf cancels: erf's own error, times |x| / 2 where x is negative
    "gelu": Bound(2, 3e-7),
    # the error of the exponent grows with it
    "gelu_tanh": Bound(4, 1e-8),
}
