"""Faults of the fast path, such as somebody might write by mistake: the fuzzer must notice each.

A fault is a change of the source of a module of `runtime.device`. While it is planted, functions
have the code of the changed source, and products are numpy's: those in C have judges of their own.
Only `NATIVE` faults are of what is done where the native kernel serves.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from random import Random
from types import FunctionType, ModuleType
from typing import Any

from benchmarks.fuzz.paths.cases import case
from runtime.device import device
from runtime.native.library import Serving


@dataclass(frozen=True)
class Fault:
    """What is wrong, the cases that meet it, and in which module which text becomes another."""

    what: str
    meets: str
    module: str
    old: str
    new: str


def _fault(what: str, meets: str, module: str, old: str, new: str) -> Fault:
    return Fault(what, meets, f"runtime.device.{module}", old, new)


CONTROL = (
    _fault("sums do not wrap", "add", "fast.control",
           "value = f(registers[ra], registers[rb])\n        registers[rd] = value if -HALF",
           "value = f(registers[ra], registers[rb])\n        registers[rd] = value if 1 or -HALF"),
    _fault("a loop runs once more", "loop", "fast.control",
           "goes_on = value < ", "goes_on = value <= "),
    _fault("a branch needs more than equality", "bge", "fast.control",
           "if registers[ra] >= registers[rb]", "if registers[ra] > registers[rb]"),
    _fault("scalars may lie anywhere", "lds", "fast.control", "if address % 8:", "if address % 4:"),
)  # fmt: skip
ELEMENTWISE = (
    _fault("operands change places", "map2", "fast.elementwise",
           "else partial(kernel, a, b, out)", "else partial(kernel, b, a, out)"),
    _fault("the other operand is chosen", "select", "fast.elementwise",
           "np.where(cond, a, b)", "np.where(cond, b, a)"),
    _fault("NaN and what is too large become what numpy likes", "cast", "fast.elementwise",
           "out[...] = convert(a, element)", "out[...] = a.astype(element.dtype)"),
    _fault("a bool is the lowest bit", "fill", "fast.elementwise",
           "bits = int(bits != 0)", "bits = bits & 1"),
    _fault("steps belong to the axes from the end", "iota", "fast.elementwise",
           "enumerate(steps_of(device.registers))", "enumerate(steps_of(device.registers)[::-1])"),
    _fault("i32 saturates", "iota", "fast.elementwise",
           "values.astype(element.dtype)",
           "np.minimum(values, np.iinfo(element.dtype).max).astype(element.dtype)"),
    _fault("vectors that overlap are copied forwards", "copy", "fast.making",
           "if out.ndim == 1 and", "if out.ndim == 9 and"),
)  # fmt: skip
LINKS = (
    _fault("what is sent follows what is written later", "program", "fast.net",
           ", a.flatten\n", ", a.reshape(-1).view\n"),
    _fault("a message of any form is taken", "recv", "fast.net",
           "raise other_form(form, expected)\n            out[...] = data.reshape(shape)",
           "pass\n            out[...] = data.reshape(shape)"),
    _fault("a message is received in the order of its addresses", "recv", "fast.net",
           "out[...] = data.reshape(shape)", "out[...] = data.reshape(shape[::-1]).T"),
    _fault("sides change places", "recv", "fast.net", ".receiver(side)", ".receiver('left')"),
)  # fmt: skip
REDUCTIONS = (
    _fault("axes are counted from the end", "reduce", "fast.reduction",
           "tuple(k for k in range(4) if", "tuple(3 - k for k in range(4) if"),
    _fault("what was there is forgotten", "reduce", "fast.reduction",
           "out[...] = ufunc(out.astype(kind, copy=False), total)\n\n", "out[...] = total\n\n"),
    _fault("sums are kept in the type of the operand", "reduce", "fast.reduction",
           "start = accumulator(inst.a.type),", "start = inst.a.type.dtype,"),
    _fault("every scan is inclusive", "scan", "fast.reduction",
           "sums[..., :-1] if exclusive else", "sums[..., 1:] if exclusive else"),
    _fault("the carry leaves out the last element", "scan", "fast.reduction",
           "carry[...] = sums[..., -1:]", "carry[...] = sums[..., -2:][..., :1]"),
    _fault("of equals the last is greatest", "topk", "fast.reduction",
           "    return x.shape[-1] - 1 - backwards",
           "    return np.argsort(x, axis=-1, kind='stable')[..., ::-1]"),
    _fault("of one the last of equals is taken", "topk", "fast.reduction",
           "return np.argmax(x, axis=3, keepdims=True)",
           "return x.shape[3] - 1 - np.argmax(x[..., ::-1], axis=3, keepdims=True)"),
    _fault("the short cut for a few loses NaN", "topk", "fast.reduction",
           "~(row < least)", "row >= least"),
    _fault("bools are sorted by their bytes", "topk", "fast.reduction",
           "x.view(np.uint8) if is_bool else x", "x"),
)  # fmt: skip
PLACES = (
    _fault("alignment is not looked at", "map1", "fast.views",
           "suspect = -PLAIN_LIMIT | (size - 1)", "suspect = -PLAIN_LIMIT"),
    _fault("an extent of -1 is the rest of memory", "fill", "fast.views",
           " and shape[3] > 0:", ":"),
    _fault("results may overlap themselves", "load", "fast.views",
           "refuse_overlap(shape, strides, size)", "pass"),
    _fault("parameters may be written", "store", "fast.views",
           "return attrgetter(\"arena\") if written else either", "return either"),
    _fault("a row steps along another axis", "map1", "fast.views", "start, (d,))", "start, (c,))"),
    _fault("calls are remembered without a register", "copy", "fast.binding",
           "sorted({*inst.reads()} - {0})", "sorted({*inst.reads()} - {0})[:-1]"),
    _fault("what is written is not noted for the next run", "restart", "fast.views",
           "memory.touch(address, end)", "pass"),
    _fault("the next run finds the numbers of this one", "restart", "memory",
           "] = NAN_BYTE", "] = self.data[at - self.base : stop - self.base]"),
)  # fmt: skip
INDEXED = (
    _fault("negative indices are refused", "gather", "fast.indexed",
           "rows = np.where(index < 0, index + limit, index)", "rows = index"),
    _fault("the limit is an index", "gather", "fast.indexed",
           "(rows < 0) | (rows >= limit)", "(rows < 0) | (rows > limit)"),
    _fault("a single index may be the limit", "gather", "fast.indexed",
           "if not 0 <= j < self.limit", "if not 0 <= j <= self.limit"),
    _fault("a single index is not counted from the end", "scatter", "fast.indexed",
           "j += self.limit if j < 0 else 0", "j += 0"),
    _fault("indices that differ along one axis are one", "gather", "fast.indexed",
           "return all(e == 1 or s == 0", "return any(e == 1 or s == 0"),
    _fault("of equal targets the first stays", "scatter", "fast.indexed",
           "flat[positions] = values", "flat[positions[::-1]] = values[::-1]"),
    _fault("of equal targets one is added", "scatter", "fast.indexed",
           "function.at(flat, positions, values)",
           "flat[positions] = function(flat[positions], values)"),
    _fault("indexed elements may lie anywhere", "gather", "fast.indexed",
           "if (addresses % size).any():", "if addresses.size == -1:"),
    _fault("parameters may be scattered into", "scatter", "fast.indexed",
           "refuse_parameters(memory, low)", "pass"),
    _fault("scattered elements change panels in flight", "program", "fast.indexed",
           "if self.device.fifo.panels:", "if not self:"),
    _fault("scattered elements leave the mirror stale", "program", "fast.indexed",
           "self.device.products.mirror.forget(low, high)", "pass"),
)  # fmt: skip
PRODUCTS = (
    _fault("a panel in flight changes with a store", "program", "fast.transfers",
           "if panels:", "if not panels:"),
    _fault("of two panels in flight one is kept", "program", "fast.transfers",
           "panels[at] = panel.copied()", "panels[at] = panel.copied()\n            break"),
    _fault("what is kept of a panel is the panel", "program", "panels",
           "self.matrix.copy(order=\"K\")", "self.matrix"),
    _fault("a store leaves the mirror stale", "program", "fast.transfers",
           "if mirror.active:", "if not mirror:"),
    _fault("a panel may have several rows of its own", "stream", "fast.transfers",
           "if array.shape[1] != 1:", "if array.shape[1] == 0:"),
    _fault("the mirror takes every element for one of its own", "program", "mirror",
           "if same + unknown == end - first and", "if same + unknown >= 0 and"),
    _fault("a page of the other type counts as mirrored", "program", "mirror",
           "np.flatnonzero(state != element.code)", "np.flatnonzero(state == UNKNOWN)"),
    _fault("of what is scattered the mirror forgets all pages but one", "program", "mirror",
           "self._forget_pages(*self._pages(low, high))",
           "self._forget_pages(*self._pages(low, high - PAGE_BYTES))"),
    _fault("a panel on two pages is mirrored on one", "program", "mirror",
           "first, end = self._pages(*panel.span())",
           "first, end = self._pages(panel.span()[0], panel.span()[0] + 1)"),
    _fault("copies of panels are told apart by place alone", "program", "panels",
           "self.shape, self.matrix.strides)", "self.shape)"),
    _fault("panels of the arena are copied once and for all", "program", "widening",
           "if panel.memory.writable:", "if panel.memory.name == '':"),
    _fault("the mirror outlives a run", "restart", "device",
           "self.arena.clear(spared)\n        self.products.clear()", "self.arena.clear(spared)"),
    _fault("a sum is rounded twice", "vecmat", "widening",
           "total = total + out", "total = convert(total, element).astype(compute) + out"),
    _fault("what a product is added to is forgotten", "vecmat", "widening",
           "if accumulate:", "if accumulate and not panel.element.is_float:"),
    _fault("a panel of another shape is taken", "program", "fast.matrix",
           "if panel.shape != shape or panel.element.is_float != is_float:",
           "if panel.element.is_float != is_float:"),
    _fault("floats meet integers", "vecmat", "fast.matrix",
           "if panel.shape != shape or panel.element.is_float != is_float:",
           "if panel.shape != shape:"),
)  # fmt: skip
TRACES = (
    _fault("what was constant is taken to be so", "free", "fast.traces",
           "if self.constants_of(registers) == self.constants:", "if len(self.constants) > 2:"),
    _fault("calls of a block are found without a register that varies", "free", "fast.traces",
           "for register in sorted(segment.needs)]", "for register in sorted(segment.needs)[1:]]"),
    _fault("a block starts on registers that hold nothing", "free", "fast.traces",
           "return None not in self.varying_of(registers)", "return True"),
    _fault("of two segments the first is taken for both", "free", "fast.traces",
           "self._go_on(device, self.segments.index(segment), values)",
           "self._go_on(device, 0, values)"),
    _fault("a block that stops says that it is at its start", "free", "fast.traces",
           "device.place = self.block.lines[number].pc", "device.place = self.block.start"),
    _fault("a block that stops leaves registers as they were", "free", "fast.traces",
           "for line in self.block.lines[:number]:", "for line in self.block.lines[:0]:"),
    _fault("what a segment depends on is left out", "free", "fast.traces",
           "for step in segment.before:", "for step in ():"),
    _fault("what a segment depends on is all in front of it", "free", "fast.traces",
           "            found.append(line.step)\n    return tuple(reversed(found))",
           "            found.append(line.step)\n    return tuple(found)"),
    _fault("registers stay as a segment leaves them", "free", "fast.traces",
           "        device.registers[:] = start\n        return joined(found)",
           "        return joined(found)"),
    _fault("where an instruction stops the segment's registers stay", "free", "fast.traces",
           "            device.registers[:] = start\n", ""),
    _fault("registers at the end of a block are left out", "free", "fast.blocks",
           "wanted & {*line.inst.writes()}:", "wanted & {*line.inst.writes()} - {*range(16, 64)}:"),
    _fault("what registers at the end are computed from is left out", "free", "fast.blocks",
           "- {*line.inst.writes()}) | {*line.inst.reads()}", "- {*line.inst.writes()})"),
    _fault("what is computed depends on nothing", "free", "fast.blocks",
           "dict.fromkeys(inst.writes(), needs)", "dict.fromkeys(inst.writes(), frozenset())"),
)  # fmt: skip
NATIVE = (
    _fault("plain operands may lie anywhere", "store", "fast.views",
           "(start | a | b | c | d) & (-PLAIN_LIMIT | (size - 1))",
           "(start | a | b | c | d) & -PLAIN_LIMIT"),
    _fault("a plain store is not noted for the next run", "restart", "fast.transfers",
           "        will_write(arena, address, shape, there, size)\n", ""),
    _fault("a plain store changes panels in flight", "program", "fast.transfers",
           "return _writing(device, (address, address + reach), write)", "return write"),
    _fault("a plain panel has the strides of its first axes", "program", "fast.transfers",
           "(steps[0], *steps[2:])", "steps[:3]"),
    _fault("what is moved has the strides of where it goes", "store", "fast.transfers",
           "(lmu.host + at, here)", "(lmu.host + at, there)"),
)  # fmt: skip
FAULTS = (
    *TRACES,
    *CONTROL,
    *ELEMENTWISE,
    *LINKS,
    *REDUCTIONS,
    *PLACES,
    *INDEXED,
    *PRODUCTS,
    *NATIVE,
)


def _functions(namespace: dict[str, Any], module: str) -> Iterator[tuple[str, FunctionType]]:
    """Functions and methods that a module defines, by name."""
    for name, value in namespace.items():
        if getattr(value, "__module__", None) != module:
            continue
        if isinstance(value, FunctionType):
            yield name, value
        elif isinstance(value, type):
            for inner, method in vars(value).items():
                function = method.func if isinstance(method, cached_property) else method
                if isinstance(function, FunctionType):
                    yield f"{name}.{inner}", function


@contextmanager
def planted(fault: Fault) -> Generator[None]:
    """The fast path with a fault."""
    module: ModuleType = importlib.import_module(fault.module)
    source = inspect.getsource(module)
    assert source.count(fault.old) == 1, f"{fault.module} has not one {fault.old!r}"
    changed: dict[str, Any] = {"__name__": fault.module}
    exec(compile(source.replace(fault.old, fault.new), module.__file__ or "", "exec"), changed)
    new = dict(_functions(changed, fault.module))
    swapped = [
        (function, function.__code__, new[name].__code__)
        for name, function in _functions(vars(module), fault.module)
        if function.__code__ != new[name].__code__
    ]
    assert swapped, f"{fault.what} changes no function"
    try:
        for function, _, code in swapped:
            function.__code__ = code
        yield
    finally:
        for function, code, _ in swapped:
            function.__code__ = code


def noticed(fault: Fault, seeds: Iterable[int]) -> int | None:
    """The first seed whose case differs, or breaks down, with a fault and not without it."""
    with nullcontext() if fault in NATIVE else numpy_products():
        with planted(fault):
            found = next((seed for seed in seeds if _differs(fault.meets, seed)), None)
        if found is not None:
            assert not case(fault.meets, Random(f"{found} {fault.meets}"))
    return found


@contextmanager
def numpy_products() -> Generator[None]:
    """Devices that are made meanwhile multiply in numpy, as where no native kernel serves."""
    serving = device.serving
    device.serving = lambda: Serving(None, "faults are planted in the numpy products")
    try:
        yield
    finally:
        device.serving = serving


def _differs(kind: str, seed: int) -> bool:
    try:
        return bool(case(kind, Random(f"{seed} {kind}")))
    except (ValueError, IndexError, TypeError):  # refused by numpy, or registers without a value
        return True
