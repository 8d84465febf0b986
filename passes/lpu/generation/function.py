"""The function `generate`: its inputs and symbols around the loops."""

from __future__ import annotations

from xdsl.dialects.builtin import FunctionType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Region

from dialects.lpu.attributes import SymbolsAttr
from dialects.lpu.interface import Interface, Resident, Value
from passes.lpu.generation.decoder import ARGUMENTS, GIVEN, TOKENS, Decoder
from passes.lpu.generation.loops import (
    FED,
    PROMPT,
    SAMPLED,
    TOTAL,
    Generator,
    location_of_owner,
    location_of_use,
)
from passes.lpu.sampling.choice import Settings
from passes.rewriting.kernel import block_of, locate, set_attribute
from passes.rewriting.signature import declare


def generate_function(decoder: Decoder, has_sampler: bool) -> FuncOp:
    """The token loop of a decoder; without a sampler it is greedy."""
    end = ReturnOp()
    given = decoder.of_role(GIVEN)
    types = [*(kind for _, kind in ARGUMENTS), *(value.type for value in given)]
    block = block_of([end], types)
    names = [*(name for name, _ in ARGUMENTS), *(value.name_hint for value in given)]
    for argument, name in zip(block.args, names, strict=True):
        argument.name_hint = name
    stops, floats, ints, *held = block.args
    generator = Generator.of(decoder, has_sampler, end, held)
    generator.split()
    locate(end, location_of_use(decoder.ids))
    generator.forget()
    tokens = generator.tokens()
    generator.feed(tokens)
    locate(end, location_of_owner(decoder.logits))
    generator.choose(tokens, stops, Settings(floats, ints))
    function = FuncOp("generate", FunctionType.from_lists(types, []), Region(block))
    inputs = tuple(Value(name, name, kind.data.dtype) for name, kind in ARGUMENTS)
    declare(function, Interface((*inputs, *decoder.given, Resident(TOKENS)), ()))
    room = decoder.bound + 1
    symbols = (
        *decoder.symbols, (FED, 0, max(0, decoder.bound - 1)), (PROMPT, 1, room),
        (SAMPLED, 0, int(has_sampler)), (TOTAL, 1, room + 1),
    )  # fmt: skip
    set_attribute(function, "lpu.symbols", SymbolsAttr(tuple(sorted(symbols))))
    return function
