"""A program: code, parameters, entries, provenance and the target it was compiled for.

For example:

    program = Program.load("model.lpu")
    program.entry("generate").pc
    program.write("copy.lpu")
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np

from runtime.errors import Invalid, Malformed, Unlinkable, Unlinked, Unreadable
from runtime.files import open_regular
from runtime.isa.encoding import decode, encode
from runtime.isa.meant import Meant, meant_from_json, meant_to_json
from runtime.isa.spec import Inst
from runtime.program.bounds import Bounds
from runtime.program.file.canonical import to_text
from runtime.program.file.container import Kind
from runtime.program.file.reading import StoredProgram
from runtime.program.file.writing import Piece, write_file
from runtime.program.interface import Interface
from runtime.program.interface_json import STEP, Entry, entries_from_json, entries_to_json
from runtime.program.plan import Plan, plan_from_json
from runtime.program.provenance import Provenance
from runtime.program.validation import check_ring, validate
from runtime.target import Target
from runtime.weights.image import Check, Image
from runtime.weights.references import References
from runtime.weights.stored import together


@dataclass(frozen=True)
class Program:
    """What a `.lpu` file holds. `images` are the parameters of each device, from it after `load`.

    `interface` is that of the entry `step`; `others` are further entries by name. There are no
    `images` when the parameters are `references`, or when there are none: that program cannot run.
    They are verified before they are used, unless the file is `trusted`. All of the `devices` run
    the same code; `proof` says what is known of their exchanges, and who says it, and `plan` what
    each of them was to compute, `meant` what their code was to do.
    """

    code: tuple[Inst, ...]
    interface: Interface
    provenance: Provenance
    target: Target
    images: Sequence[Image] = field(default=(), compare=False, repr=False)
    others: tuple[Entry, ...] = ()
    references: References | None = None
    trusted: bool = field(default=False, compare=False)
    devices: int = 1
    proof: str = field(default="", compare=False)
    plan: Plan | None = None
    meant: Meant = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries by name, `step` first."""
        return ((STEP, self.interface), *self.others)

    def entry(self, name: str) -> Interface:
        """The interface of an entry; Unlinkable when the program has none of this name."""
        for known, interface in self.entries:
            if known == name:
                return interface
        names = ", ".join(known for known, _ in self.entries)
        raise Unlinkable(name, f"one of the entries {names}", repr(name))

    @cached_property
    def bounds(self) -> Bounds:
        """What a run takes at most; Invalid when code, entries and target contradict each other."""
        found = validate(self.code, self.entries, self.target, self.devices)
        self._check_meant()
        self.provenance.check_end(sum(inst.WORDS for inst in self.code))
        if self.references is not None:
            self.references.validate(self.interface.params_size, self.devices)
        if self.images and len(self.images) != self.devices:
            raise Invalid(f"parameters for {len(self.images)} devices, not for {self.devices}")
        return found

    def _check_meant(self) -> None:
        names = {name for name, _ in self.entries}
        if self.meant and (self.devices == 1 or {*self.meant} != names):
            raise Invalid(
                f"it is said what {', '.join(sorted(self.meant))} was meant to do, and "
                f"{self.devices} devices have {', '.join(sorted(names))}"
            )

    def validate(self) -> None:
        """Raise Invalid when the parts contradict each other."""
        assert self.bounds.elements

    def check_ring(self) -> None:
        """Raise Unsafe, which is Invalid, unless its devices can run it together."""
        if self.devices > 1:
            check_ring(
                self.code, self.entries, self.provenance, self.target, self.devices, self.meant
            )  # fmt: skip

    @property
    def embedded(self) -> Sequence[Image]:
        """The parameters of each device if the program holds them, as it does where there are none.

        Otherwise nothing.
        """
        if self.images or self.interface.params_size:
            return self.images
        return [Image(np.empty(0, np.uint8))] * self.devices

    def params_of(self, device: int = 0) -> Image:
        """The parameters of a device, made from references where need be; Unlinked without any."""
        if self.embedded:
            image, size = self.embedded[device], self.interface.params_size
            if image.size != size:
                raise Invalid(f"{image.size} bytes of parameters, the interface has {size}")
            return image
        if self.references is None:
            raise Unlinked("the program holds no weights: it can be inspected, not run")
        if device not in self._linked:
            self._link(device)
        return self._linked[device]

    def params_of_all(self) -> list[Image]:
        """The parameters of all devices; where they are made, what they share is read once."""
        missing = [device for device in range(self.devices) if device not in self._linked]
        if self.references is not None and not self.embedded and missing:
            self._link(*missing)
        return [self.params_of(device) for device in range(self.devices)]

    def _link(self, *devices: int) -> None:
        assert self.references is not None
        images = self.references.load(self.interface.params_size, self.trusted, devices)
        self._linked.update(zip(devices, images, strict=True))

    @cached_property
    def _linked(self) -> dict[int, Image]:
        return {}

    def sections(self) -> dict[Kind, bytes]:
        """The sections that are held in memory."""
        shared = {Kind.PROOF: self.proof.encode()} if self.proof else {}
        if self.plan is not None:
            shared[Kind.PLAN] = to_text(self.plan).encode()
        if self.meant:
            shared[Kind.MEANT] = to_text(meant_to_json(self.meant)).encode()
        return {
            Kind.CODE: encode(self.code),
            Kind.INTERFACE: to_text(entries_to_json(self.entries)).encode(),
            Kind.PROVENANCE: to_text(self.provenance.to_json()).encode(),
            Kind.TARGET: to_text(self.target.to_json()).encode(),
            Kind.BOUNDS: to_text(self.bounds.to_json()).encode(),
            **shared,
        }

    def write(self, path: str | Path, params_pieces: Iterable[Piece] | None = None) -> None:
        """Write the program; pieces in ascending order replace `images`.

        Parameters from a file are written, and so signed, only if each block has its SHA-256.
        Without pieces and without `images` the file has the references, or no weights at all.
        """
        self.validate()
        path, size, sections = Path(path), self.interface.params_size, self.sections()
        pieces = params_pieces
        if pieces is None and self.embedded:
            pieces = together(self.embedded)
        if pieces is None and self.references is not None:
            references = self.references.seen_from(path.parent)
            sections[Kind.RECIPES] = to_text(references.to_json()).encode()
        write_file(path, sections, size, pieces, self.devices)

    @staticmethod
    def load(path: str | Path, check: Check = "used") -> "Program":
        """Read and check a program; `check` says which parameters, which are mapped if large."""
        path = Path(path)
        try:
            with os.fdopen(open_regular(path), "rb") as file:
                program = _read(file, path, check == "none")
        except Unreadable:
            raise
        except Malformed as error:
            raise Malformed(f"{path}: {error}") from None
        except Invalid as error:
            raise Invalid(f"{path}: {error}") from None
        except OSError as error:
            raise Malformed(f"{path}: cannot be read: {error.strerror}") from None
        if check == "all":
            program.check_params()
        return program

    def check_params(self) -> None:
        """Raise Malformed or Unlinked unless every block of the parameters is as it was."""
        if self.references is not None:
            self.references.check()
        for image in self.images:
            image.check()


def _read(file: BinaryIO, path: Path, trusted: bool) -> Program:
    stored = StoredProgram(file, path, trusted)
    (_, interface), *others = entries_from_json(stored.json(Kind.INTERFACE))
    program = Program(
        code=decode(stored.contents[Kind.CODE]),
        interface=interface,
        provenance=Provenance.from_json(stored.json(Kind.PROVENANCE)),
        target=Target.from_json("target section", stored.json(Kind.TARGET)),
        images=stored.images(),
        others=tuple(others),
        references=_references(stored, path),
        trusted=trusted,
        devices=stored.devices,
        proof=stored.text(Kind.PROOF) if Kind.PROOF in stored.contents else "",
        plan=plan_from_json(stored.json(Kind.PLAN)) if Kind.PLAN in stored.contents else None,
        meant=meant_from_json(stored.json(Kind.MEANT)) if Kind.MEANT in stored.contents else {},
    )
    if stored.params_size not in (None, interface.params_size):
        raise Invalid("the parameter section and the interface differ in size")
    if to_text(program.bounds.to_json()).encode() != stored.contents[Kind.BOUNDS]:
        raise Invalid("the bounds in the file are not what the code gives")
    program.check_ring()
    return program


def _references(stored: StoredProgram, path: Path) -> References | None:
    if Kind.RECIPES not in stored.contents:
        return None
    folder = Path(os.path.realpath(path)).parent
    return References.from_json(stored.json(Kind.RECIPES), folder)
