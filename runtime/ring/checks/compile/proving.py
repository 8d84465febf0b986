"""Proves that several devices do not wait for ever, nor mix up what they send to each other.

    prove(program)    # a `Proof`, or `Unproved` with a rule and two instructions
    proved(program)   # the program, with its proof where it is for several devices

The claim holds for all values of the symbols and for every device, since all of them run one code:
each instruction is looked at once, for the device `d` and its neighbours `d + j` at the same time.
"""

import re
from dataclasses import replace

from runtime.program.file.canonical import to_text
from runtime.program.interface import Interface
from runtime.program.program import Program
from runtime.ring.checks.compile.content.memory import Memory
from runtime.ring.checks.compile.effects import Effects
from runtime.ring.checks.compile.flow import flow_of
from runtime.ring.checks.compile.meaning.exchanges import Exchanges
from runtime.ring.checks.compile.meaning.meant import check_meant
from runtime.ring.checks.compile.proof import Proof, Report
from runtime.ring.checks.compile.state import State
from runtime.ring.checks.compile.values import Origin, Registers, Symbols
from runtime.ring.checks.compile.walk import Walk

REGISTERS = 256
"""As many as a word can name; a machine that is only thought of may have more."""
_DEVICE = re.compile(r"d(\d+)")


def proved(program: Program) -> Program:
    """A valid program with what is proved of it, which is nothing where a device is alone."""
    if program.devices == 1:
        return program
    return replace(program, proof=to_text(prove(program).to_json()))


def prove(program: Program) -> Proof:
    """What holds of all entries of a valid program; Unproved where a rule does not."""
    report = Report(program.code, program.provenance)
    flow = flow_of(program.code, [interface.pc for _, interface in program.entries])
    registers = max(REGISTERS, program.target.registers)
    messages: dict[str, int] = {}
    in_flight = gathered = 0
    for name, interface in program.entries:
        effects = Effects(Symbols(program.devices), program.target.link_depth, report)
        Walk(flow, effects, _entered(interface, effects, registers)).run(flow.index[interface.pc])
        messages[name] = effects.messages
        in_flight = max(in_flight, effects.links.most)
        gathered += effects.reading.gathered
    if program.meant:
        exchanges = Exchanges(flow)
        for name, interface in program.entries:
            check_meant(exchanges, interface, program.meant[name], report, registers)
    return Proof(program.devices, messages, in_flight, gathered)


def _entered(interface: Interface, effects: Effects, count: int) -> State:
    """What is known of so many registers where a call begins."""
    registers: Registers = [effects.symbols.unknown() for _ in range(count)]
    registers[0] = 0
    for register, value in interface.registers:
        registers[register] = value
    for symbol in interface.symbols:
        device = _DEVICE.fullmatch(symbol.name)
        between = (symbol.lower, symbol.upper)
        registers[symbol.register] = (
            effects.symbols.fresh(between, Origin.SAME)
            if device is None
            else effects.symbols.device(int(device[1]))
        )
    return State(registers, {}, Memory(effects.shapes), ((), ()))
