"""Digests of blocks are those of hashlib, however their bytes arrive; with the library, without."""

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.native import sha256
from runtime.native.library import OFF, SWITCH, serving
from runtime.native.sha256 import NativeHashes, PlainHashes, block_hashes
from tests.unit.runtime.native.judging_sha256 import differs, wrong
from tests.unit.runtime.native.kernels import KERNELS, needs_library

HASHES = bool(KERNELS) and bool(KERNELS[0].library.lpuc_runs_sha256())
needs_instructions = pytest.mark.skipif(not HASHES, reason="no instructions for SHA-256")


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test asks anew."""
    monkeypatch.delenv(SWITCH, raising=False)
    for known in (serving, sha256._library):
        known.cache_clear()
    yield
    for known in (serving, sha256._library):
        known.cache_clear()


@needs_instructions
@given(st.integers(1, 300), st.lists(st.binary(max_size=700), max_size=6))
def test_as_hashlib(block_bytes: int, parts: list[bytes]) -> None:
    assert not differs(KERNELS[0].library, block_bytes, parts)


@needs_instructions
def test_as_hashlib_in_large() -> None:
    assert not wrong(KERNELS[0])
    assert not differs(KERNELS[0].library, 1 << 20, [bytes(range(251)) * 20000, b"x" * 700001])


@needs_instructions
def test_the_library_serves() -> None:
    assert isinstance(block_hashes(64), NativeHashes)


@needs_instructions
def test_wrong_digests_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NativeHashes, "finish", lambda self: b"\0" * 32)
    assert isinstance(block_hashes(64), PlainHashes)


@needs_library
def test_a_machine_without_the_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = serving().kernel
    assert kernel is not None
    monkeypatch.setattr(kernel.library, "lpuc_runs_sha256", lambda: 0)
    assert isinstance(block_hashes(64), PlainHashes)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, OFF)
    hashes = block_hashes(4)
    for part in (b"abc", b"", b"defgh", b"i"):
        hashes.update(memoryview(part))
    blocks = (b"abcd", b"efgh", b"i")
    assert hashes.finish() == b"".join(hashlib.sha256(block).digest() for block in blocks)
