"""Register allocation within one block: the value whose next use is furthest away makes room."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from xdsl.dialects.builtin import LocationAttr

from dialects.errors import CompileError
from dialects.lpu_isa.code import VIRTUAL, Code, Item, register_text
from passes.lpu_isa.registers.liveness import Key, Liveness
from passes.lpu_isa.registers.made import Made
from runtime.isa import Lds, Sts

NEVER = 1 << 60


class BlockAllocation:
    """
    Which key each register holds while the instructions of a block are rewritten.

    `pin_of` gives the register that a key has all over the block, `slots` the address of values
    that cross blocks without one; `local_slot` makes addresses for values of this block alone.
    """

    def __init__(
        self,
        live: Liveness,
        free: Sequence[int],
        *,
        pin_of: Callable[[Key], int | None],
        slots: Mapping[int, int],
        local_slot: Callable[[int], int],
    ) -> None:
        self.live = live
        self.free = list(reversed(free))
        self.pin_of = pin_of
        self.slots = slots
        self.local_slot = local_slot
        self.local: dict[Key, int] = {}
        self.locals_made = 0
        self.unused: list[int] = []
        self.named: set[int] = set()
        self.held: dict[Key, int] = {}
        self.uses: dict[Key, list[int]] = {}
        self.out: list[Item] = []

    def run(self, items: Sequence[Item]) -> list[Item]:
        """The rewritten block."""
        for position in reversed(range(len(items))):
            item = items[position][0]
            if isinstance(item, Code) and not self.live.makes(item):
                for register in item.reads():
                    self.uses.setdefault(self.live.key(register), []).append(position)
        for item, location in items:
            if isinstance(item, str):
                self.out.append((item, location))
            else:
                self._instruction(item, location)
        return self.out

    def _instruction(self, code: Code, location: LocationAttr) -> None:
        if self.live.makes(code):
            return
        written = [r for r in code.writes() if r >= VIRTUAL]
        self._take_named(code)
        registers: dict[int, int] = {}
        reads = [r for r in code.reads() if r >= VIRTUAL]
        locked = {self.live.key(r) for r in reads}
        for register in reads:
            registers[register] = self._fetch(self.live.key(register), locked, location)
        for key in dict.fromkeys(map(self.live.key, reads)):
            self.uses[key].pop()
            if not self.uses[key]:
                self._release_slot(key)
                if key in self.held and key not in written:
                    self.free.append(self.held.pop(key))
        for register in written:
            registers[register] = self._destination(register, locked, location)
        self.out.append((code.renamed(lambda r: registers.get(r, r)), location))
        for register in written:
            if register in self.slots:
                self._emit(Code(Sts, (registers[register], self.slots[register])), location)
        self._free_named(code)

    def _take_named(self, code: Code) -> None:
        """
        Hold a register that the code itself names from its write to its read.

        What the register held is loaded again where it is wanted.
        """
        for register in code.writes():
            if register >= VIRTUAL or register in self.named:
                continue
            self.named.add(register)
            if register in self.free:
                self.free.remove(register)
            for key in [key for key, holder in self.held.items() if holder == register]:
                assert isinstance(key, Made) or key in self.slots, f"{key} would be lost"
                del self.held[key]

    def _free_named(self, code: Code) -> None:
        for register in self.named.intersection(code.reads()):
            self.named.remove(register)
            self.free.append(register)

    def _fetch(self, key: Key, locked: set[Key], location: LocationAttr) -> int:
        """The register that holds a key, loaded when none does."""
        register = self.pin_of(key)
        if register is None:
            register = self.held.get(key)
        if register is not None:
            return register
        if isinstance(key, Made):
            register = self._room(locked, location)
            for code in key.code(register, self.slots):
                self._emit(code, location)
        else:
            address = self._address(key)
            register = self._room(locked, location)
            self._emit(Code(Lds, (register, address)), location)
        self.held[key] = register
        return register

    def _address(self, key: Key) -> int:
        assert isinstance(key, int)
        address = self.slots.get(key, self.local.get(key))
        if address is None:
            name = register_text(key)
            raise CompileError(f"internal: {name} is read before it is written")
        return address

    def _destination(self, register: int, locked: set[Key], location: LocationAttr) -> int:
        pinned = self.pin_of(register)
        if pinned is not None:
            return pinned
        self._release_slot(register)
        if register not in self.held:
            self.held[register] = self._room(locked, location)
        return self.held[register]

    def _room(self, locked: set[Key], location: LocationAttr) -> int:
        """A free register; when there is none, that of the key which is wanted last."""
        if self.free:
            return self.free.pop()
        candidates = (key for key in self.held if key not in locked)
        key = max(candidates, key=self._next_use, default=None)
        assert key is not None, "an instruction needs more registers than there are"
        register = self.held.pop(key)
        stored = isinstance(key, Made) or key in self.slots or key in self.local
        if not stored and self.uses.get(key):
            self.local[key] = self._new_slot()
            self._emit(Code(Sts, (register, self.local[key])), location)
        return register

    def _new_slot(self) -> int:
        if self.unused:
            return self.unused.pop()
        self.locals_made += 1
        return self.local_slot(self.locals_made - 1)

    def _release_slot(self, key: Key) -> None:
        """The stored value of a key is not wanted any more."""
        address = self.local.pop(key, None)
        if address is not None:
            self.unused.append(address)

    def _next_use(self, key: Key) -> int:
        uses = self.uses.get(key)
        return uses[-1] if uses else NEVER

    def _emit(self, code: Code, location: LocationAttr) -> None:
        self.out.append((code, location))
