"""A fault of the fast path as a change of its source, and what it takes to notice it.

While a fault is planted, functions have the code of the changed source, and products are numpy's:
those in C have judges of their own. Only `needs_kernel` faults are of what is done where the native
kernel serves.
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
    needs_kernel: bool = False


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
    with nullcontext() if fault.needs_kernel else numpy_products():
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
