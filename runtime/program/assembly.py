"""A whole program as text, exact: assembling the disassembly gives the same file, byte by byte.

Directives hold what is not code: `.target` (a preset's name or its values), `.interface` (of the
entry `step`), `.entry` (name and interface of a further entry), `.names` (ONNX nodes), `.nodes`
(indices into the names, for the instructions up to the next `.nodes`), and one of `.param_base64`
(parameter bytes, in order; `.param_sha256` refuses others), `.recipes` (parameters by reference)
and `.no_weights` (neither: the program cannot run). `.devices` is how many run it, if they are
several, `.plan` what each of them computes, `.meant` what their code was meant to do (who changes
that leaves the line out), and `.device` whose parameters follow. `;` starts a comment, `name:` a
label.

What was proved of a program is not in its text: who assembles it proves it anew.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from runtime.errors import Invalid, Malformed
from runtime.isa.encoding import word_addresses
from runtime.isa.kinds import Integer
from runtime.isa.meant import Meant, meant_from_json, meant_to_json
from runtime.isa.spec import Inst
from runtime.isa.syntax import parse, show, words_of
from runtime.program import interface_json
from runtime.program.file.canonical import from_text, to_text
from runtime.program.file.container import digest
from runtime.program.interface import Interface
from runtime.program.plan import Plan, plan_from_json
from runtime.program.program import Program
from runtime.program.provenance import Provenance, Range
from runtime.target import Target
from runtime.weights.image import Image
from runtime.weights.references import References

PARAM_LINE_BYTES = 3072
DEFAULT_TARGET = "lpu-4nm"
_LABEL = re.compile(r"([A-Za-z_]\w*):")


def disassemble(program: Program) -> str:
    """The program as text."""
    lines = [
        f".target {to_text(program.target.to_json())}",
        *([f".devices {program.devices}"] if program.devices > 1 else []),
        *([] if program.plan is None else [f".plan {to_text(program.plan)}"]),
        *([f".meant {to_text(meant_to_json(program.meant))}"] if program.meant else []),
        f".interface {to_text(interface_json.to_json(program.interface))}",
        *(f".entry {to_text(pair)}" for pair in interface_json.entries_to_json(program.others)),
        f".names {to_text(list(program.provenance.names))}",
    ]
    lines += _code_lines(program)
    lines += _param_lines(program)
    return "\n".join(lines) + "\n"


def _code_lines(program: Program) -> list[str]:
    goals = {_goal(inst) for inst in program.code}
    starts = {interface.pc: name for name, interface in program.others}
    nodes = _node_lines(program.provenance)
    lines: list[str] = []
    for pc, inst in zip(word_addresses(program.code), program.code, strict=True):
        lines += [f"; entry {json.dumps(starts[pc])}"] if pc in starts else []
        lines += nodes.get(pc, [])
        lines += [f"L{pc}:"] if pc in goals else []
        lines.append(f"        {show(inst)}")
    return lines


def _goal(inst: Inst) -> int | None:
    """The pc that an instruction may branch to, None when it has no such field."""
    for known in inst.LAYOUT:
        if isinstance(known.kind, Integer) and known.kind.target:
            return getattr(inst, known.name)
    return None


def _node_lines(provenance: Provenance) -> dict[int, list[str]]:
    """Lines before the instruction at a pc; an empty `.nodes` ends the last range."""
    lines = {end: [".nodes"] for _, end, _ in provenance.ranges}
    for first, _, ids in provenance.ranges:
        names = ", ".join(json.dumps(provenance.names[i]) for i in ids)
        lines[first] = [f"; {names}", f".nodes {' '.join(str(i) for i in ids)}"]
    return lines


def _param_lines(program: Program) -> list[str]:
    if not program.embedded:
        references = program.references
        return [f".recipes {to_text(references.to_json())}" if references else ".no_weights"]
    lines: list[str] = []
    for device, image in enumerate(program.embedded):
        lines += [f".device {device}"] if program.devices > 1 else []
        lines += _image_lines(image)
    return lines


def _image_lines(image: Image) -> list[str]:
    data, step = bytearray(), PARAM_LINE_BYTES
    for _, piece in image.pieces():
        data += piece.data
    chunks = (data[at : at + step] for at in range(0, len(data), step))
    lines = [f".param_base64 {base64.b64encode(chunk).decode()}" for chunk in chunks]
    return [*lines, f".param_sha256 {digest(data).hex()}"] if lines else []


def assemble(text: str, name: str = "<asm>") -> Program:
    """The program of a text; Malformed as `name:line: message`."""
    source = _Source()
    for number, line in enumerate(text.splitlines(), 1):
        with _Located(name, number):
            source.read(line.strip(), number)
    code: list[Inst] = []
    for number, line in source.lines:
        with _Located(name, number):
            code.append(parse(line, source.labels))
    try:
        program = source.program(tuple(code))
        program.validate()
        program.check_ring()
    except Invalid as error:
        raise Invalid(f"{name}: {error}") from None
    return program


@dataclass
class _Located:
    """Turns errors inside the block into Malformed with file and line."""

    name: str
    number: int

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError | Malformed | Invalid):
            raise Malformed(f"{self.name}:{self.number}: {error}") from None


@dataclass
class _Source:
    """What the first pass over the text collects; `pc` is that of the next instruction."""

    pc: int = 0
    lines: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    labels: dict[str, int] = field(default_factory=dict[str, int])
    names: tuple[str, ...] = ()
    ranges: list[Range] = field(default_factory=list[Range])
    nodes: tuple[int, ...] = ()
    first: int = 0
    devices: int = 1
    plan: Plan | None = None
    meant: Meant = field(default_factory=dict[str, tuple[str, ...]])
    device: int = 0
    params: dict[int, bytearray] = field(default_factory=lambda: {0: bytearray()})
    digests: dict[int, str] = field(default_factory=dict[int, str])
    interface: Interface = field(default_factory=lambda: Interface((), (), (), 0, 0, 0))
    others: list[interface_json.Entry] = field(default_factory=list[interface_json.Entry])
    target: Target | None = None
    references: References | None = None
    has_weights: bool = True

    def read(self, line: str, number: int) -> None:
        """Take one line."""
        if line.startswith("."):
            word, _, rest = line.partition(" ")
            self._directive(word, rest.strip())
            return
        line = line.split(";", 1)[0].strip()
        while match := _LABEL.match(line):
            if match[1] in self.labels:
                raise ValueError(f"label {match[1]!r} is defined twice")
            self.labels[match[1]] = self.pc
            line = line[match.end() :].strip()
        if line:
            self.lines.append((number, line))
            self.pc += words_of(line)

    def _directive(self, word: str, rest: str) -> None:
        if self._parameters(word, rest):
            return
        if word == ".devices":
            self.devices = int(rest)
        elif word == ".plan":
            self.plan = plan_from_json(from_text(rest))
        elif word == ".meant":
            self.meant = meant_from_json(from_text(rest))
        elif word == ".nodes":
            self._close_range()
            self.nodes = tuple(int(i) for i in rest.split())
        elif word == ".names":
            self.names = tuple(cast(list[str], from_text(rest)))
        elif word == ".interface":
            self.interface = interface_json.from_json(from_text(rest))
        elif word == ".entry":
            self.others.append(interface_json.entry_from_json(from_text(rest)))
        elif word == ".target":
            data = from_text(rest)
            is_name = isinstance(data, str)
            self.target = Target.load(data) if is_name else Target.from_json(".target", data)
        else:
            raise ValueError(f"unknown directive {word!r}")

    def _parameters(self, word: str, rest: str) -> bool:
        """Take a directive of parameters; whether it is one."""
        if word == ".device":
            self.device = int(rest)
            self.params.setdefault(self.device, bytearray())
        elif word == ".param_base64":
            self.params[self.device] += _unbase64(rest)
        elif word == ".param_sha256":
            self.digests[self.device] = rest
        elif word == ".recipes":
            self.references = References.from_json(from_text(rest))
        elif word == ".no_weights":
            self.has_weights = False
        else:
            return False
        return True

    def _close_range(self) -> None:
        if self.nodes and self.pc > self.first:
            self.ranges.append((self.first, self.pc, self.nodes))
        self.first = self.pc

    def program(self, code: tuple[Inst, ...]) -> Program:
        """The program of everything read."""
        self._close_range()
        table = {"names": list(self.names), "ranges": self.ranges}
        target = self.target or Target.load(DEFAULT_TARGET)
        provenance, others = Provenance.from_json(table), tuple(self.others)
        return Program(
            code,
            self.interface,
            provenance,
            target,
            self._images(),
            others=others,
            references=self.references,
            devices=self.devices,
            plan=self.plan,
            meant=self.meant,
        )

    def _images(self) -> list[Image]:
        """The parameters of each device, none when they are elsewhere."""
        is_apart = self.references is not None or not self.has_weights
        others = set(self.params) - set(range(self.devices))
        if others:
            raise Invalid(
                f"there are parameters of device {min(others)}, and {self.devices} devices"
            )
        for device in range(self.devices):
            data = self.params.get(device, bytearray())
            whose = f" of device {device}" if self.devices > 1 else ""
            if len(data) != (0 if is_apart else self.interface.params_size):
                raise Invalid(
                    f"{len(data)} parameter bytes{whose} are given, "
                    f"the interface has {self.interface.params_size}"
                )
            if self.digests.get(device) not in (None, digest(data).hex()):
                raise Invalid(
                    f"the parameter bytes{whose} are not those of .param_sha256; "
                    "disassemble the program again, or leave the line out to sign what stands here"
                )
        held = () if is_apart else range(self.devices)
        return [Image(np.frombuffer(bytes(self.params[d]), np.uint8)) for d in held]


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
