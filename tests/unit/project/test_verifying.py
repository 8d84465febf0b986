"""In tests, modules are verified behind some of their passes: what is new, whenever it is met."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp, i64

from lpuc.compiler import instrument
from lpuc.compiler.located import parse_module
from tests.verifying import SHARE, Once

KIND = "!lpu.tensor<[2], f32>"


def module(first: str = "%x", function: str = "neg", kind: str = KIND) -> ModuleOp:
    return parse_module(
        f"""func.func @f(%x : {kind}, %y : {kind}) {{
          %0 = lpu.map "{function}" {first} : {kind} -> {kind}
          func.return
        }}""",
        "x.mlir",
    )


def counting(once: Once) -> Callable[..., bool]:
    """Whether a module with what was done to it is verified."""

    def is_verified(given: ModuleOp, *done: str) -> bool:
        verified: list[None] = []
        for what in done[:-1]:
            once(given, what, lambda: None)
        once(given, done[-1], lambda: verified.append(None))
        return bool(verified)

    return is_verified


def test_tests_verify_behind_passes():
    assert isinstance(instrument.VERIFY_EACH, Once)


def test_equal_modules_are_verified_once_behind_the_same_passes():
    is_verified = counting(Once(1))
    assert is_verified(module(), "a")
    assert not is_verified(module(), "a")
    assert is_verified(module(), "b")
    assert is_verified(module(), "a", "b")
    assert not is_verified(module(), "a", "b")
    assert is_verified(module(), "b", "a")


@pytest.mark.parametrize(
    "other",
    [{"first": "%y"}, {"function": "abs"}, {"kind": "!lpu.tensor<[3], f32>"}],
    ids=["operand", "property", "type"],
)
def test_another_module_is_verified(other: dict[str, str]):
    is_verified = counting(Once(1))
    assert is_verified(module(), "a")
    assert is_verified(module(**other), "a")


@pytest.mark.parametrize(("devices", "expected"), [(1, True), (2, True), (4, False)])
def test_what_is_for_many_devices_is_left_to_the_ends_of_stages(devices: int, expected: bool):
    given = module()
    count = IntegerAttr(devices, i64)
    given.attributes["lpu.options"] = DictionaryAttr({"devices": count})
    assert counting(Once(1))(given, "a") is expected


def test_what_was_wrong_is_verified_again():
    once, broken = Once(1), module()

    def fail() -> None:
        raise AssertionError("planted")

    for given in (broken, module()):
        with pytest.raises(AssertionError, match="planted"):
            once(given, "a", fail)


@pytest.mark.parametrize("share", [2, SHARE])
def test_modules_are_verified_behind_some_passes_each_behind_others(share: int):
    """Behind each pass some module is; each module is behind as many as its share."""
    passes = [str(number) for number in range(2 * share)]
    found: list[list[bool]] = []
    for number in range(40):
        once = Once(share)
        given, seen = several(number), list[bool]()
        for done in passes:
            verified: list[None] = []
            once(given, done, partial(verified.append, None))
            seen.append(bool(verified))
        found.append(seen)
    assert all(sum(seen) == 2 for seen in found)
    assert all(any(seen[at] for seen in found) for at in range(len(passes)))


def several(count: int) -> ModuleOp:
    """A module of so many operations."""
    maps = "".join(f'%{n} = lpu.map "neg" %x : {KIND} -> {KIND}\n' for n in range(count))
    return parse_module(f"func.func @f(%x : {KIND}) {{\n{maps}func.return\n}}", "x.mlir")
