"""How the check says no: the rule, the instructions, the devices and the ONNX nodes."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import NoReturn

import numpy as np

from runtime.errors import Invalid
from runtime.isa.encoding import distinct_of
from runtime.isa.spec import OPCODES, Inst
from runtime.ring.checks.load.memory.events import Events
from runtime.ring.checks.load.memory.runs import EVERYBODY, Kind, Slots, Tag

_OPCODE: Callable[[Inst], int] = attrgetter("OPCODE")
_WORDS = np.array([OPCODES[code].WORDS if code in OPCODES else 0 for code in range(256)], np.uint8)
"""How many words an instruction has, by its opcode."""


class Unsafe(Invalid):
    """A program that devices in a ring must not run; `rule` is what it breaks."""

    def __init__(self, rule: str, message: str, pcs: Sequence[int], nodes: Sequence[str]) -> None:
        where = f" ({', '.join(nodes)})" if nodes else ""
        super().__init__(f"not safe on several devices, {rule}: {message}{where}")
        self.rule = rule
        self.pcs = tuple(pcs)
        self.nodes = tuple(nodes)


class Narrator:
    """Names the instructions of a program, which are counted 0, 1, 2, ... here.

    Of its `distinct` ones `numbers` says which each of them is, and `kinds` are their opcodes.
    """

    def __init__(self, code: Sequence[Inst], nodes_at: Callable[[int], Sequence[str]]) -> None:
        self.code = code
        self.distinct, numbers = distinct_of(code)
        self.numbers = np.frombuffer(numbers, np.uint32)
        self.kinds = np.frombuffer(bytes(map(_OPCODE, self.distinct)), np.uint8)[self.numbers]
        self.addresses = np.cumsum(_WORDS[self.kinds], dtype=np.int64) - _WORDS[self.kinds]
        self.nodes_at = nodes_at

    def at(self, pc: int) -> int:
        """The instruction at a pc, where one begins."""
        found = int(np.searchsorted(self.addresses, pc))
        if found == len(self.addresses) or self.addresses[found] != pc:
            raise KeyError(pc)
        return found

    def name(self, at: int) -> str:
        """An instruction for a message."""
        inst = self.code[at]
        side = getattr(inst, "side", "")
        return f"{inst.MNEMONIC}{'.' if side else ''}{side} at pc {self.addresses[at]}"

    def refuse(self, rule: str, message: str, *instructions: int) -> NoReturn:
        """Raise Unsafe in the name of some instructions."""
        pcs = self.addresses[[*instructions]].tolist()
        nodes = dict.fromkeys(node for pc in pcs for node in self.nodes_at(pc))
        raise Unsafe(rule, message, pcs, list(nodes))


class Wording:
    """What the rules for bytes say when they are broken."""

    def __init__(self, narrator: Narrator, known: Events) -> None:
        self.narrator = narrator
        self.known = known

    def refuse_place(
        self, held: Slots, at: int, low: int, high: int, memory: str = "LMU"
    ) -> NoReturn:
        """Devices have different bytes where one reads."""
        first = held[0]
        other = next((d for d, tag in enumerate(held) if tag != first), 1)
        culprits = {self.known.at[tag.event] for tag in (first, held[other]) if tag is not None}
        self.narrator.refuse(
            "place",
            f"{self.narrator.name(at)} reads {memory} bytes {low} to {high}, where device 0 has "
            f"{self._story(first)} and device {other} {self._story(held[other])}",
            at, *sorted(culprits),
        )  # fmt: skip

    def refuse_message(
        self, at: int, device: int, low: int, high: int, tag: Tag | None
    ) -> NoReturn:
        """A device sends what was not put there to be sent."""
        culprits = [] if tag is None else [self.known.at[tag.event]]
        what = "nobody wrote"
        if culprits:
            what = f"{self.narrator.name(culprits[0])} wrote to one place on all devices"
        self.narrator.refuse(
            "block",
            f"{self.narrator.name(at)} sends from device {device} LMU bytes {low} to {high}, "
            f"which {what}",
            at, *culprits,
        )  # fmt: skip

    def refuse_again(self, at: int, device: int, put: int) -> NoReturn:
        """A message has bytes that were exchanged before."""
        self.narrator.refuse(
            "block",
            f"{self.narrator.name(at)} sends from device {device} what {self.narrator.name(put)} "
            "put, which was exchanged and read before",
            at, put,
        )  # fmt: skip

    def refuse_extents(self, at: int, put: int) -> NoReturn:
        """The extents of a message are made otherwise than those of what it has."""
        self.narrator.refuse(
            "message",
            f"the extents of {self.narrator.name(at)} are not made of symbols and turns as "
            f"those of {self.narrator.name(put)} are, which put what it sends",
            at, put,
        )  # fmt: skip

    def refuse_stale(self, at: int, newest: int, eldest: int) -> NoReturn:
        """Exchanged bytes are read with older ones."""
        block = self.known.blocks[newest]
        older = "what nobody wrote"
        if eldest >= 0:
            older = f"older bytes, of {self.narrator.name(self.known.at[eldest])}"
        self.narrator.refuse(
            "stale",
            f"{self.narrator.name(at)} reads what devices exchanged, put by "
            f"{self.narrator.name(block.at)}, together with {older}",
            at, block.at,
        )  # fmt: skip

    def refuse_older(self, at: int, low: int, newest: int, eldest: int) -> NoReturn:
        """What was exchanged by rows is read in HBM with what is older."""
        first, older = self.known.at[newest], "nobody wrote"
        if eldest >= 0:
            older = f"are older, of {self.narrator.name(self.known.at[eldest])}"
        self.narrator.refuse(
            "stale",
            f"{self.narrator.name(at)} reads what devices exchanged, from "
            f"{self.narrator.name(first)} on, together with bytes of HBM from {low} on that "
            f"{older}",
            at, first,
        )  # fmt: skip

    def refuse_unknown(self, at: int, low: int, high: int) -> NoReturn:
        """Nobody knows which bytes of HBM an operand has, and what is exchanged lies there."""
        self.narrator.refuse(
            "place",
            f"{self.narrator.name(at)} has some of the HBM bytes {low} to {high}, where devices "
            "exchange, and nobody knows which, since they depend on turns of a loop that are not "
            "known, or very many, or on a symbol",
            at,
        )  # fmt: skip

    def refuse_fewer(self, at: int, low: int, high: int, written: int) -> NoReturn:
        """With some numbers of symbols more is read than was written."""
        put = self.known.at[written]
        self.narrator.refuse(
            "place",
            f"{self.narrator.name(at)} reads LMU bytes {low} to {high}, of which "
            f"{self.narrator.name(put)} writes fewer with some numbers of symbols or turns",
            at, put,
        )  # fmt: skip

    def refuse_content(self, at: int, low: int, high: int, kind: Kind) -> NoReturn:
        """Nobody knows what is read."""
        name = self.narrator.name(at)
        if kind is Kind.NOTHING:
            what = f"{name} reads LMU bytes {low} to {high}, some of which nobody wrote"
            self.narrator.refuse("unwritten", what, at)
        self.narrator.refuse(
            "way",
            f"{name} reads LMU bytes {low} to {high}, whose content depends on the way that the "
            "program took",
            at,
        )

    def _story(self, tag: Tag | None) -> str:
        if tag is None:
            return "nothing"
        name = self.narrator.name(self.known.at[tag.event])
        who = "every device" if tag.origin == EVERYBODY else f"device {tag.origin}"
        where = f", {tag.shift:+d} bytes from there" if tag.shift else ""
        return f"what {who} wrote with {name}{where}"
