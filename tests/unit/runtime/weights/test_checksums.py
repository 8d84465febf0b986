"""What the checksum of a block notices, and that it is the one that its definition states."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pytest

from runtime.weights.checksums import BLOCK_LIMIT, BlockSums, block_sum

SIZE = 1 << 20
RANDOM = np.random.default_rng(3)
WEIGHTS: dict[str, np.ndarray] = {
    "normal f32": RANDOM.standard_normal(SIZE // 4).astype(np.float32).view(np.uint8),
    "normal f16": RANDOM.standard_normal(SIZE // 2).astype(np.float16).view(np.uint8),
    "signs": RANDOM.choice([-1.0, 1.0], SIZE // 4).astype(np.float32).view(np.uint8),
    "identity": np.eye(512, dtype=np.float32).reshape(-1).view(np.uint8),
    "bytes": RANDOM.integers(0, 256, SIZE, dtype=np.uint8),
}


def _by_definition(data: bytes) -> bytes:
    """The checksum as the docstring writes it, in Python's integers."""
    padded = data + bytes(-len(data) % 8)
    words = [int.from_bytes(padded[at : at + 8], "little") for at in range(0, len(padded), 8)]
    first, second = [0] * 1024, [0] * 1021
    for i, word in enumerate(words):
        first[i % 1024] += word
    words += [0] * (-len(words) % 1024)
    for i, word in enumerate(words[: len(words) // 1021 * 1021]):
        second[i % 1021] += word
    both = b"".join((s % 2**64).to_bytes(8, "little") for s in first + second)
    return hashlib.sha256(both).digest()[:8]


@pytest.mark.parametrize("size", [1, 7, 8, 4096, 8191, 8192, 8193, 65536, 70001])
def test_the_checksum_is_what_its_docstring_says(size: int):
    data = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8)
    assert block_sum(data) == _by_definition(data.tobytes())


def _change_a_byte(data: np.ndarray, random: np.random.Generator) -> None:
    data[random.integers(SIZE)] ^= random.integers(1, 256)


def _flip_the_top_bit(data: np.ndarray, random: np.random.Generator) -> None:
    data[random.integers(SIZE // 8) * 8 + 7] ^= 0x80


def _flip_two_top_bits(data: np.ndarray, random: np.random.Generator) -> None:
    """What every sum of products modulo 2^64 with odd weights overlooks."""
    for word in random.choice(SIZE // 8, 2, replace=False):
        data[word * 8 + 7] ^= 0x80


def _exchange_rows(bytes_of_a_row: int) -> Callable[[np.ndarray, np.random.Generator], None]:
    def exchange(data: np.ndarray, random: np.random.Generator) -> None:
        rows = data[: SIZE // bytes_of_a_row * bytes_of_a_row].reshape(-1, bytes_of_a_row)
        a, b = random.choice(len(rows), 2, replace=False)
        rows[[a, b]] = rows[[b, a]]

    return exchange


def _zero(size: int) -> Callable[[np.ndarray, np.random.Generator], None]:
    def zero(data: np.ndarray, random: np.random.Generator) -> None:
        start = random.integers(SIZE // size) * size
        data[start : start + size] = 0

    return zero


def _shift(data: np.ndarray, random: np.random.Generator) -> None:
    data[:] = np.roll(data, 4 * random.integers(1, 100))


DAMAGE: dict[str, Callable[[np.ndarray, np.random.Generator], None]] = {
    "a byte": _change_a_byte,
    "the top bit of a word": _flip_the_top_bit,
    "the top bits of two words": _flip_two_top_bits,
    **{f"rows of {n} bytes": _exchange_rows(n) for n in (2, 4, 8, 512, 1536, 3072, 4096, 8192)},
    **{f"{n} bytes zeroed": _zero(n) for n in (512, 4096, 65536, SIZE)},
    "shifted": _shift,
}


@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_noticed(damage: str, kind: str):
    """Twenty times each, on weights as they are and on those with little variety."""
    random = np.random.default_rng([len(damage), len(kind)])
    original = WEIGHTS[kind]
    expected, changed = block_sum(original), 0
    for _ in range(20):
        data = original.copy()
        DAMAGE[damage](data, random)
        if not np.array_equal(data, original):
            changed += 1
            assert block_sum(data) != expected
    assert changed > 0 or kind == "identity", "words of an identity are zeros, nearly all"


def test_exchanged_signs_are_noticed_at_any_distance():
    """Of two words that differ in the top bit only, for distances that share either place."""
    words = np.zeros(BLOCK_LIMIT // 8, "<u8")
    words[0] = 1 << 63
    seen = {block_sum(words.view(np.uint8))}
    places = (1, 2, 1021, 1024, 2042, 2048, 1021 * 1023, 1024 * 1020)
    for place in places:
        words[:] = 0
        words[place] = 1 << 63
        seen.add(block_sum(words.view(np.uint8)))
    assert len(seen) == 1 + len(places)


def test_parts_of_any_size_have_the_sums_of_the_whole():
    data = RANDOM.integers(0, 256, 10_000, dtype=np.uint8)
    expected = b"".join(block_sum(data[at : at + 4096]) for at in range(0, 10_000, 4096))
    for step in (1, 1000, 4096, 5000, 10_000):
        sums = BlockSums(4096)
        for at in range(0, 10_000, step):
            sums.update(data.data[at : at + step])
        assert sums.finish() == expected
