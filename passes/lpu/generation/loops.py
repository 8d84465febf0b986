"""The loops of `generate`: over the prompt, and then over tokens that are chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xdsl.dialects.builtin import LocationAttr, StringAttr, UnknownLoc
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Operation, Region, SSAValue

from dialects.affine import Affine, AffineLike
from dialects.lpu import control
from dialects.lpu.attributes import AffineAttr, AffineListAttr
from dialects.lpu.ports import StatePort, StatePortsAttr
from dialects.lpu.tensors import LpuOp, tensor_of
from dialects.lpu.types import Tensor, TensorType, tensor
from passes.lpu.generation.copies import Copies, names_in
from passes.lpu.generation.decoder import GIVEN, IDS, MASK, TOKENS, Decoder
from passes.lpu.generation.forgetting import forget, replaced_states
from passes.lpu.sampling.choice import Settings, checked, greedy, is_stop, sampled
from passes.rewriting.build import Build
from passes.rewriting.kernel import (
    block_of,
    insert,
    locate,
    set_operands,
    set_property,
)
from runtime.numerics.elements import ElementType

F32, I64 = ElementType.F32, ElementType.I64

FED, PROMPT, TOTAL, SAMPLED = "fed", "prompt", "total", "sampled"
"""Symbols: tokens in the cache, tokens given, given and new at most, 1 unless it is greedy."""

_EMPTY = StatePortsAttr(())


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def location_of_use(value: SSAValue) -> LocationAttr:
    """The nodes of an operation that uses a value."""
    use = value.first_use
    return UnknownLoc() if use is None else use.operation.location


def location_of_owner(value: SSAValue) -> LocationAttr:
    """The nodes of the operation that gives a value."""
    owner = value.owner
    return owner.location if isinstance(owner, Operation) else UnknownLoc()


def _writes(op: Operation) -> bool:
    return any(isinstance(inner, control.WriteOp) for inner in op.walk())


def _needed(ops: Sequence[Operation], roots: Iterable[SSAValue]) -> list[Operation]:
    """The operations that the roots or the states depend on, in order."""
    used, found = set(roots), list[Operation]()
    for op in reversed(ops):
        if _writes(op) or not used.isdisjoint(op.results):
            found.append(op)
            used.update(operand for inner in op.walk() for operand in inner.operands)
    return found[::-1]


class TokenLoop(NamedTuple):
    """One loop over tokens while it is written: its body ends with `end`."""

    variable: str
    end: control.YieldOp
    copies: Copies

    @staticmethod
    def begin(
        outer: Operation, variable: str, bounds: tuple[AffineLike, AffineLike], copies: Copies
    ) -> TokenLoop:
        """An empty loop before `outer`."""
        end = control.YieldOp.create()
        locate(end, outer.location)
        lower, upper = map(Affine.of, bounds)
        properties = {"variable": StringAttr(variable), "upper": AffineAttr(upper)}
        if lower != Affine():
            properties["lower"] = AffineAttr(lower)
        Build(outer).insert(
            control.ForOp.create(properties=properties, regions=[Region(block_of([end]))])
        )
        return TokenLoop(variable, end, copies)

    @property
    def past(self) -> Affine:
        """The tokens in the cache."""
        return Affine.symbol(self.variable)

    def build(self, location: LocationAttr) -> Build:
        """Inserts at the end of the body."""
        locate(self.end, location)
        return Build(self.end)

    def give(self, value: SSAValue, role: str, tokens: SSAValue) -> None:
        """What stands for an input of `step`: a token, ones, or a position."""
        build = self.build(location_of_use(value))
        wanted = self.copies.attribute(value.type)
        assert isinstance(wanted, TensorType)
        self.copies.values[value] = self._input(build, role, wanted.data, tokens)

    def _input(self, build: Build, role: str, wanted: Tensor, tokens: SSAValue) -> SSAValue:
        if role == MASK:
            return build.fill(1, wanted.shape, wanted.dtype)
        if role == IDS:
            one = read(build, tokens, self.past, 1)
        else:
            one = build.iota(self.past, (0,), (1,))
        return build.cast(build.reshape(one, wanted.shape), wanted.dtype)

    def step(self, ops: Iterable[Operation]) -> None:
        """Copy the body of `step`."""
        for op in ops:
            insert(self.copies.operation(op), self.end)


def read(build: Build, state: SSAValue, first: AffineLike, count: AffineLike) -> SSAValue:
    """A window of a state of rank 1."""
    offsets = AffineListAttr((Affine.of(first),))
    result = tensor((count,), control.state_of(state).dtype)
    op = control.ReadOp.create(
        operands=[state], result_types=[result], properties={"offsets": offsets}
    )
    return build.insert(op).results[0]


@dataclass
class Generator:
    """Writes the function for a decoder."""

    decoder: Decoder
    has_sampler: bool
    end: ReturnOp
    taken: set[str]
    """Names of symbols and loop variables so far."""
    outside: dict[SSAValue, SSAValue]
    """What stands for a value of `step` that is the same in every turn."""
    inside: list[Operation]
    """The operations of `step` that differ from turn to turn."""

    @staticmethod
    def of(
        decoder: Decoder, has_sampler: bool, end: ReturnOp, given: Sequence[SSAValue]
    ) -> Generator:
        """`given` are the inputs that are the same in every turn, as the function has them."""
        taken = {FED, PROMPT, TOTAL, SAMPLED, decoder.past, *(s[0] for s in decoder.symbols)}
        outside = dict(zip(decoder.of_role(GIVEN), given, strict=True))
        return Generator(decoder, has_sampler, end, taken, outside, [])

    def split(self) -> None:
        """Copy what no turn changes before the loops; states lose their ports."""
        outside = Copies({}, self.outside)
        for op in _needed(list(self.decoder.function.body.block.ops), [self.decoder.logits]):
            names = names_in(op)
            self.taken |= names
            if not self._is_outside(op, names):
                self.inside.append(op)
                continue
            copy = outside.operation(op)
            if isinstance(copy, control.StateOp):
                set_property(copy, "inputs", _EMPTY)
                set_property(copy, "outputs", _EMPTY)
            insert(copy, self.end)

    def _is_outside(self, op: Operation, names: set[str]) -> bool:
        is_same = isinstance(op, LpuOp | control.StateOp) and self.decoder.past not in names
        return is_same and all(v in self.outside for v in op.operands)

    def forget(self) -> None:
        """A loop of one turn before the first token, of none behind it."""
        if states := replaced_states(self.decoder.function.body.block):
            variable = _fresh("empty", self.taken)
            loop = TokenLoop.begin(self.end, variable, (Affine.symbol(FED), 1), Copies({}, {}))
            forget(loop.build(states[0].location), states, self.outside)

    def tokens(self) -> SSAValue:
        """The state that holds the text."""
        port = StatePort(TOKENS, TOKENS, I64, (Affine.symbol(PROMPT),), (0,))
        held = Tensor.of((self.decoder.bound + 2,), I64)
        op = control.StateOp.create(
            result_types=[control.StateType(held)],
            properties={
                "state": StringAttr(TOKENS),
                "inputs": StatePortsAttr((port,)),
                "outputs": _EMPTY,
            },
        )
        return Build(self.end).insert(op).results[0]

    def feed(self, tokens: SSAValue) -> None:
        """Fill the cache with what it lacks of the prompt but its last token."""
        suffixed = {name: _fresh(f"{name}_{PROMPT}", self.taken) for name in self._variables()}
        copies = Copies(suffixed, dict(self.outside))
        upper = Affine.symbol(PROMPT) - 1
        bounds = (Affine.symbol(FED), upper)
        loop = TokenLoop.begin(self.end, suffixed[self.decoder.past], bounds, copies)
        self._step(loop, _needed(self.inside, ()), tokens)

    def _variables(self) -> list[str]:
        """The names that are bound in the body of the loop, and its own."""
        loops = (i for op in self.inside for i in op.walk() if isinstance(i, control.ForOp))
        return [self.decoder.past, *dict.fromkeys(loop.variable.data for loop in loops)]

    def _step(self, loop: TokenLoop, ops: list[Operation], tokens: SSAValue) -> None:
        used = {operand for op in ops for i in op.walk() for operand in i.operands}
        for value, role in self.decoder.inputs:
            if value in used and role != GIVEN:
                loop.give(value, role, tokens)
        loop.step(ops)

    def choose(self, tokens: SSAValue, stops: SSAValue, settings: Settings) -> None:
        """Go on from the last token of the prompt: choose, keep, hand out."""
        bounds = (Affine.symbol(PROMPT) - 1, Affine.symbol(TOTAL) - 1)
        copies = Copies({}, dict(self.outside))
        loop = TokenLoop.begin(self.end, self.decoder.past, bounds, copies)
        self._step(loop, self.inside, tokens)
        build = loop.build(self.end.location)
        logits = copies.values[self.decoder.logits]
        count = tensor_of(logits).shape[-1]
        scores = build.cast(build.reshape(logits, (count,)), F32)
        greatest, token = greedy(build, scores)
        if self.has_sampler:
            text = (tokens, loop.past + 1)
            token = self._draw(build, token, scores, text, settings)
        token = checked(build, token, greatest)
        offsets = AffineListAttr((loop.past + 1,))
        build.insert(
            control.WriteOp.create(operands=[tokens, token], properties={"offsets": offsets})
        )
        build.insert(control.EmitOp.create(operands=[token, is_stop(build, token, stops)]))

    def _draw(
        self,
        build: Build,
        token: SSAValue,
        scores: SSAValue,
        text: tuple[SSAValue, Affine],
        settings: Settings,
    ) -> SSAValue:
        """The greedy token, replaced in a loop of one turn or none."""
        end = control.YieldOp.create()
        locate(end, build.location)
        block = block_of([end], [token.type])
        inner = Build(end)
        tokens = read(inner, text[0], 0, text[1])
        set_operands(end, [sampled(inner, scores, tokens, settings)])
        op = control.ForOp.create(
            operands=[token],
            result_types=[token.type],
            properties={
                "variable": StringAttr(_fresh("draw", self.taken)),
                "upper": AffineAttr(Affine.symbol(SAMPLED)),
            },
            regions=[Region(block)],
        )
        return build.insert(op).results[0]
