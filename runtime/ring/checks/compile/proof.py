"""What is proved of a program for several devices, and how it is said that something is not."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

from runtime.errors import Invalid
from runtime.isa.encoding import word_addresses
from runtime.isa.spec import Inst
from runtime.program.provenance import Provenance


class Rule(StrEnum):
    """What a program must keep to; the name stands in the message."""

    BRANCH = "branch"
    """No branch, bound of a loop or token depends on the device, or on data of one device."""
    EXTENT = "extent"
    """No extent or stride depends on the device, or on data of one device."""
    PAIRING = "pairing"
    """Each receive finds the message that the same text sends for it: same extents, same type."""
    ORDER = "order"
    """No device receives what no neighbour has sent before it comes as far: all would wait."""
    DEPTH = "depth"
    """No link holds more messages than it can: all would wait to send."""
    BALANCE = "balance"
    """Where ways meet, a loop turns or the program ends, links hold what they must."""
    CONTENT = "content"
    """What is read holds, for every device, what that device wrote, at the place where it wrote."""
    MIXTURE = "mixture"
    """What is read lies either within one gathered value or outside of all."""
    MEANT = "meant"
    """What is computed, put into slots and sent is what the compiler meant, where it says that."""
    TURN = "turn"
    """No turn of a loop ends while a value is gathered in part, or a scalar lost that it loads."""


class Unproved(Invalid):
    """A program of which `rule` does not hold, or cannot be shown to hold.

    `instructions` are the pcs of those that it is about, the one that breaks the rule first, and
    `nodes` the ONNX nodes that they come from.
    """

    def __init__(
        self, rule: Rule, message: str, instructions: Sequence[int], nodes: Sequence[str]
    ) -> None:
        super().__init__(f"not proved for several devices, rule {rule.value}: {message}")
        self.rule = rule
        self.message = message
        self.instructions = tuple(instructions)
        self.nodes = tuple(nodes)


@dataclass(frozen=True)
class Proof:
    """What was proved: on so many devices no run blocks for ever or mixes up what is sent.

    `messages` are the instructions that send, by entry; `in_flight` is the most messages that a
    link ever has to hold, `gathered` the reads of gathered values that were proved whole.
    """

    devices: int
    messages: dict[str, int]
    in_flight: int
    gathered: int

    def to_json(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "checker": "compile",
            "devices": self.devices,
            "messages": self.messages,
            "in_flight": self.in_flight,
            "gathered": self.gathered,
        }


MOST_NODES = 3


@dataclass(frozen=True)
class Report:
    """Names instructions, by their number in the code, and refuses."""

    code: Sequence[Inst]
    provenance: Provenance

    def refuse(self, rule: Rule, message: str, *at: int) -> NoReturn:
        """Raise `Unproved`; `{0}` of the message is the first of the instructions, and so on."""
        addresses = word_addresses(self.code)
        pcs = [addresses[index] for index in at]
        nodes = [self.provenance.nodes_at(pc) for pc in pcs]
        names = [
            f"{self.code[index].MNEMONIC} at pc {pc}{_from(of)}"
            for index, pc, of in zip(at, pcs, nodes, strict=True)
        ]
        known = dict.fromkeys(name for of in nodes for name in of)
        raise Unproved(rule, message.format(*names), pcs, tuple(known))

    def writer(self, at: int, register: int) -> int | None:
        """The nearest instruction before one that writes a register."""
        before = range(at - 1, -1, -1)
        return next((index for index in before if register in self.code[index].writes()), None)


def _from(nodes: Sequence[str]) -> str:
    """ONNX nodes in parentheses, the first few where they are many."""
    if not nodes:
        return ""
    more = f" and {len(nodes) - MOST_NODES} more" if len(nodes) > MOST_NODES else ""
    return f" ({', '.join(nodes[:MOST_NODES])}{more})"
