"""What `step` must be so that a token loop can be made of it."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.control import StateOp
from dialects.lpu.interface import Value, interface_of, symbols_of
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import tensor
from dialects.names import unescape
from passes.analysis.functions import DEFAULT_CONTEXT, symbol_ranges
from passes.lpu.state.replaced import RECURRENT
from runtime.numerics.elements import ElementType

F32, I64 = ElementType.F32, ElementType.I64

IDS, MASK, POSITIONS, PAST, GIVEN = "ids", "mask", "positions", "past", "data"
TOKENS = "tokens"
ARGUMENTS = (("stops", tensor((4,), I64)), ("sampler", tensor((3,), F32)),
             ("sampler_ints", tensor((2,), I64)))  # fmt: skip
"""Inputs of the token loop besides the tokens and what is given, each called after its role."""
FIRST = "P"
"""What counts tokens where the model has no symbol that does."""


class NoDecoder(Exception):
    """Why there is no token loop, in words for the user."""


class Decoder(NamedTuple):
    """A step of one token: its inputs by role, its logits, the symbol that counts its cache."""

    function: FuncOp
    inputs: tuple[tuple[SSAValue, str], ...]
    logits: SSAValue
    past: str
    """Counts the tokens before a step: the extent of a cache, if there is one that grows."""
    bound: int
    """Most tokens before a step."""
    given: tuple[Value, ...] = ()
    """The inputs that are the same for all tokens of a text, as the interface has them."""

    @staticmethod
    def of(function: FuncOp, context: int = DEFAULT_CONTEXT) -> Decoder:
        """Raises `NoDecoder`. Where no cache bounds a text, `context` does."""
        inputs, logits = _inputs(function), _logits(function)
        past = _past(function)
        bound = symbol_ranges(function).get(past, (0, context - 1))[1]
        given = tuple(port for port in interface_of(function).arguments if port.role == GIVEN)
        found = Decoder(function, inputs, logits, past, bound, given)
        for port, value in zip(given, found.of_role(GIVEN), strict=True):
            if past in {name for extent in tensor_of(value).shape for name, _ in extent.terms}:
                raise NoDecoder(f"input '{unescape(port.name)}' has no role, and grows with a text")
        return found

    def of_role(self, role: str) -> list[SSAValue]:
        """The inputs of a role, in order."""
        return [value for value, own in self.inputs if own == role]

    @property
    def ids(self) -> SSAValue:
        """The input of one token id."""
        return self.of_role(IDS)[0]

    @property
    def symbols(self) -> tuple[tuple[str, int, int], ...]:
        """Those of `step` that do not count tokens, with their ranges."""
        known = symbols_of(self.function).ranges
        return tuple((name, *ends) for name, ends in known.items() if name != self.past)

    @property
    def vocabulary(self) -> int:
        """The number of token ids."""
        return tensor_of(self.logits).shape[-1].const


def _inputs(function: FuncOp) -> tuple[tuple[SSAValue, str], ...]:
    """The arguments, each with its role."""
    arguments, interface = function.body.block.args, interface_of(function)
    roles = interface.roles
    for port in interface.arguments:
        if port.role == RECURRENT:
            named = "name it like the input, present_, new_ or _out"
            raise NoDecoder(f"no output is known to replace '{unescape(port.name)}'; {named}")
        if port.role == PAST:
            raise NoDecoder(f"the cache '{unescape(port.name)}' does not stay on the device")
        if port.role not in (IDS, MASK, POSITIONS, GIVEN):
            raise NoDecoder(f"input '{unescape(port.name)}' is none of the text")
        if port.role == GIVEN and port.name in (TOKENS, *dict(ARGUMENTS)):
            raise NoDecoder(f"input '{port.name}' is called like one of the token loop")
    if roles.count(IDS) != 1:
        raise NoDecoder(f"{roles.count(IDS)} inputs have the role of token ids")
    ids = tensor_of(arguments[roles.index(IDS)])
    if not ids.is_static or prod(ids.static_shape()) != 1:
        extents = ", ".join(map(str, ids.shape))
        raise NoDecoder(f"a step takes ids of extents [{extents}], not one token")
    return tuple(zip(arguments, roles, strict=True))


def _past(function: FuncOp) -> str:
    """The symbol that counts the tokens in the cache, a new one where all states are replaced."""
    states = [op for op in function.body.block.ops if isinstance(op, StateOp)]
    kept = [port for op in states for port in op.inputs.data]
    ports = [port for port in kept if port.role == PAST]
    if not ports and any(port.role == RECURRENT for port in kept):
        return FIRST
    if not ports:
        raise NoDecoder("the model has no cache")
    symbols = {name for port in ports for extent in port.dims for name, _ in extent.terms}
    if len(symbols) != 1:
        raise NoDecoder("the length of the cache is not one symbol")
    (symbol,) = symbols
    for op in states:
        past = {port.dims for port in op.inputs.data if port.role == PAST}
        after = {
            tuple(d.substitute({symbol: Affine.symbol(symbol) + 1}) for d in dims) for dims in past
        }
        if past and not after.issuperset(port.dims for port in op.outputs.data):
            raise NoDecoder("a step adds other rows to the cache than those of its token")
    return symbol


def _logits(function: FuncOp) -> SSAValue:
    """The output called logits, or else the first; one number for each token id."""
    end = function.body.block.last_op
    assert isinstance(end, ReturnOp), "a function returns"
    names = [port.name for port in interface_of(function).results]
    index = names.index("logits") if "logits" in names else 0
    if index >= len(end.operands):
        raise NoDecoder("no output has the form of logits")
    value = end.operands[index]
    found = tensor_of(value)
    shape = found.static_shape() if found.is_static else ()
    if not shape or prod(shape[:-1]) != 1 or not found.dtype.is_float:
        raise NoDecoder("no output has the form of logits")
    return value
