"""What is in a program, on one screen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from textwrap import wrap

from lpuc.errors import printable
from lpuc.reports.lines import size
from lpuc.reports.prediction import ends, predicted, turn_of
from lpuc.reports.ring import ring_rows
from runtime.isa.spec import Unit
from runtime.program.interface import Interface, Port, call_symbols
from runtime.program.interface_json import CHUNK, STEP
from runtime.program.program import Program
from runtime.target import Target
from runtime.traps import Trap

WIDTH = 100


def _said_of(port: Port) -> str:
    """`: i64[1, 1] (ids)`"""
    shape = ", ".join(printable(str(dim)) for dim in port.shape)
    role = "" if port.role == "data" else f" ({printable(port.role)})"
    return f": {port.dtype.value}[{shape}]{role}"


def pattern(name: str) -> str:
    """A name without its numbers: the layers of a model have it in common."""
    return re.sub(r"\d+", "*", printable(name))


def clipped(line: str) -> str:
    """A line that fits a terminal."""
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..."


def grouped(title: str, named: Sequence[tuple[str, str]], limit: int = 8) -> list[tuple[str, str]]:
    """One row for a name and what is said of it, or for all that differ in their numbers alone."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name, said in named:
        alike.setdefault((pattern(name), said), []).append(name)
    texts = [
        f"{printable(names[0])}{said}" if len(names) == 1 else f"{like}{said}, {len(names)} times"
        for (like, said), names in alike.items()
    ]
    if len(texts) > limit:
        texts = [*texts[:limit], f"and {len(texts) - limit} more"]
    return [("" if i else title, text) for i, text in enumerate(texts)]


def _ports(title: str, ports: tuple[Port, ...]) -> list[tuple[str, str]]:
    return grouped(title, [(port.name, _said_of(port)) for port in ports])


def symbols_text(interface: Interface, devices: int = 1) -> str:
    """`P in 0 to 255`"""
    symbols = call_symbols(interface, devices)
    ranges = (f"{printable(s.name)} in {s.lower} to {s.upper}" for s in symbols)
    return ", ".join(ranges) or "none"


def prediction_rows(program: Program, most: int | None = None) -> list[tuple[str, str]]:
    """Predicted time and bandwidth of one run at the ends of the symbols."""
    named = zip(("first token", "full context"), ends(program), strict=False)
    return [("predicted", _prediction(program, *end, most)) for end in named]


def _prediction(program: Program, name: str, values: dict[str, int], most: int | None) -> str:
    per = turn_of(program)
    note = f"{name}, " if per == "token" else ""
    bound = ", ".join(f"{printable(key)} = {value}" for key, value in values.items())
    context = note + (bound or "all shapes fixed")
    try:
        found = predicted(program, STEP, None, values, most)
    except Trap as trap:
        return f"nothing for {context}: {printable(trap.message)}"
    share = f"{found.utilisation:.1%} of {found.bandwidth / 1e9:.0f} GB/s"
    took = f"{found.seconds * 1e3:#.3g} ms/{per} at {share}"
    if found.messages:
        took += f", {found.exchange * 1e3:#.3g} ms of it exchange"
    return f"{took}: {context}"


def program_rows(program: Program, most: int | None = None) -> list[tuple[str, str]]:
    """The facts that both `compile` and `inspect` show."""
    interface, target = program.interface, program.target
    words = sum(inst.WORDS for inst in program.code)
    nodes, alone = len(program.provenance.names), program.devices == 1
    return [
        ("target", f"{target.name}, {size(target.lmu_bytes)} on the chip"),
        ("nodes", f"{nodes} ONNX nodes became {len(program.code)} instructions ({words} words)"),
        *([("parameters", size(interface.params_size))] if alone else ring_rows(program, most)),
        ("arena", f"{size(interface.arena_size)} for cache, inputs, outputs, temporaries"),
        ("memory", _memory(interface, target)),
        ("entries", ", ".join(printable(name) for name, _ in program.entries)),
        *_prompt(program),
        ("symbols", symbols_text(interface, program.devices)),
        ("elements", f"{_elements(program)} at most"),
        *prediction_rows(program, most),
    ]


def _prompt(program: Program) -> list[tuple[str, str]]:
    """How many tokens of a prompt are taken at a time, where the program has an entry for that."""
    entry = dict(program.others).get(CHUNK)
    if entry is None or not entry.inputs or not entry.inputs[0].shape:
        return []
    return [("prompt", f"{entry.inputs[0].shape[-1]} tokens at a time")]


def _elements(program: Program) -> str:
    bounds = program.bounds.elements
    return ", ".join(f"{count} in {printable(name)}" for name, count in bounds.items())


def weights_text(program: Program) -> str:
    """Where a loaded program has its weights."""
    if program.references is not None:
        names = ", ".join(printable(file.path) for file in program.references.files)
        return f"by reference: {names or 'no files'}"
    return "in the program" if program.embedded else "none: it can be inspected, not run"


def _memory(interface: Interface, target: Target) -> str:
    return f"{size(interface.hbm_bytes)} of {size(target.hbm_bytes)} HBM"


def interface_rows(program: Program) -> list[tuple[str, str]]:
    """Inputs and outputs of `step`, then what each further entry takes and gives."""
    shown = _all_ports(program.interface)
    for name, interface in program.others:
        symbols = symbols_text(interface, program.devices)
        head = f"{printable(name)} at word {interface.pc}, {symbols}"
        shown += [("entry", head), *_all_ports(interface)]
    return shown


def _all_ports(interface: Interface) -> list[tuple[str, str]]:
    return [*_ports("inputs", interface.inputs), *_ports("outputs", interface.outputs)]


def histogram(program: Program) -> str:
    """How often each instruction occurs in the code, by engine, most frequent first."""
    counts = Counter((inst.UNIT, inst.MNEMONIC) for inst in program.code)
    lines: list[str] = []
    for unit in Unit:
        ordered = sorted((-n, name) for (of, name), n in counts.items() if of is unit)
        if ordered:
            total = -sum(n for n, _ in ordered)
            words = ", ".join(f"{name} {-n}" for n, name in ordered)
            head = f"  {unit.value:6}{total:6}  "
            lines += wrap(words, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
    return "\n".join(lines)
