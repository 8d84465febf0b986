"""What is in a program, on one screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from lpuc.errors import printable
from runtime.interface import Interface, Port
from runtime.program import Program
from runtime.target import Target
from runtime.timing import predict
from runtime.traps import Trap

PREDICTION_FUEL = 250_000


def size(count: int) -> str:
    """A number of bytes for people: `1.5 MiB`, exact below 1 KiB."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def rows(pairs: Iterable[tuple[str, str]]) -> str:
    """Aligned lines of name and value."""
    return "\n".join(f"{name:14}{value}" for name, value in pairs)


def port_text(port: Port) -> str:
    """`input_ids: i64[1, 1] (ids)`"""
    shape = ", ".join(str(dim) for dim in port.shape)
    role = "" if port.role == "data" else f" ({port.role})"
    return f"{printable(port.name)}: {port.dtype.value}[{shape}]{role}"


def _ports(title: str, ports: tuple[Port, ...], limit: int = 8) -> list[tuple[str, str]]:
    shown = [(title if i == 0 else "", port_text(p)) for i, p in enumerate(ports[:limit])]
    if len(ports) > limit:
        shown.append(("", f"and {len(ports) - limit} more"))
    return shown


def symbols_text(interface: Interface) -> str:
    """`P in 0 to 255`"""
    return ", ".join(f"{s.name} in {s.lower} to {s.upper}" for s in interface.symbols) or "none"


def prediction_rows(program: Program) -> list[tuple[str, str]]:
    """Predicted time and bandwidth of one run at the lower and at the upper bound of the symbols.

    In a decoder these are the first token and the one that fills the context.
    """
    symbols = program.interface.symbols
    ends = [("first token", {s.name: s.lower for s in symbols})]
    if symbols:
        ends.append(("full context", {s.name: s.upper for s in symbols}))
    return [("predicted", _prediction(program, *end)) for end in ends]


def _prediction(program: Program, name: str, values: dict[str, int]) -> str:
    is_decoder = any(port.role == "past" for port in program.interface.inputs)
    per, note = ("ms/token", f"{name}, ") if is_decoder else ("ms/run", "")
    bound = ", ".join(f"{printable(key)} = {value}" for key, value in values.items())
    context = note + (bound or "all shapes fixed")
    try:
        timing = predict(program, values, PREDICTION_FUEL)
    except Trap as trap:
        return f"nothing for {context}: {printable(trap.message)}"
    share = f"{timing.utilisation:.1%} of {program.target.hbm_bandwidth / 1e9:.0f} GB/s"
    return f"{timing.seconds * 1e3:#.3g} {per} at {share}: {context}"


def program_rows(program: Program) -> list[tuple[str, str]]:
    """The facts that both `compile` and `inspect` show."""
    interface, target = program.interface, program.target
    words = sum(inst.WORDS for inst in program.code)
    nodes = len(program.provenance.names)
    return [
        ("target", f"{target.name}, {size(target.lmu_bytes)} on the chip"),
        ("nodes", f"{nodes} ONNX nodes became {len(program.code)} instructions ({words} words)"),
        ("parameters", size(interface.params_size)),
        ("arena", f"{size(interface.arena_size)} for cache, inputs, outputs, temporaries"),
        ("memory", _memory(interface, target)),
        ("symbols", symbols_text(interface)),
        *prediction_rows(program),
    ]


def _memory(interface: Interface, target: Target) -> str:
    used = interface.arena_base + interface.arena_size
    return f"{size(used)} of {size(target.hbm_bytes)} HBM"


def interface_rows(program: Program) -> list[tuple[str, str]]:
    """Inputs and outputs."""
    interface = program.interface
    return [*_ports("inputs", interface.inputs), *_ports("outputs", interface.outputs)]


def histogram(program: Program) -> str:
    """How often each instruction occurs, most frequent first."""
    counts = Counter(inst.MNEMONIC for inst in program.code)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "\n".join(f"  {name:14}{count:8}" for name, count in ordered)
