"""Parameters are verified before their first use, block by block, once."""

from __future__ import annotations

import hashlib
import threading

import numpy as np
import pytest

from runtime.errors import Malformed
from runtime.weights import image as module
from runtime.weights.checksums import block_sum
from runtime.weights.image import BLOCK_BYTES, Image, Origin

SIZE = 3 * BLOCK_BYTES + 100


def _blocks(data: np.ndarray) -> list[np.ndarray]:
    return [data[at : at + BLOCK_BYTES] for at in range(0, data.size, BLOCK_BYTES)]


@pytest.fixture
def data() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, SIZE, dtype=np.uint8)


@pytest.fixture
def origin(data: np.ndarray) -> Origin:
    blocks = _blocks(data)
    digests = b"".join(hashlib.sha256(block.data).digest() for block in blocks)
    return Origin("m.lpu", 64, b"".join(map(block_sum, blocks)), digests)


def test_what_is_as_it_was_may_be_used(data: np.ndarray, origin: Origin):
    image = Image(data, origin)
    image.require(5, SIZE)
    image.require_at(np.array([0, SIZE - 1]))
    image.check()
    assert image.whole() is data


def test_a_block_is_refused_wherever_the_bytes_touch_it(data: np.ndarray, origin: Origin):
    data[BLOCK_BYTES + 7] ^= 1
    image = Image(data, origin)
    image.require(0, BLOCK_BYTES)
    image.require(2 * BLOCK_BYTES, SIZE)
    image.require(BLOCK_BYTES, BLOCK_BYTES)
    image.require_at(np.array([[0], [SIZE - 4]]))
    message = (
        f"m.lpu: bytes {64 + BLOCK_BYTES} to {64 + 2 * BLOCK_BYTES} .parameter block 1. "
        "are not what was written: the file is damaged; copy it again"
    )
    for low, high in ((0, BLOCK_BYTES + 1), (2 * BLOCK_BYTES - 1, SIZE), (0, SIZE)):
        with pytest.raises(Malformed, match=message):
            image.require(low, high)
    for use in (lambda: image.require_at(np.array([0, BLOCK_BYTES])), image.whole, image.check):
        with pytest.raises(Malformed, match="parameter block 1"):
            use()


def test_the_last_block_may_be_short(data: np.ndarray, origin: Origin):
    data[-1] ^= 1
    image = Image(data, origin)
    image.require(0, 3 * BLOCK_BYTES)
    with pytest.raises(Malformed, match=rf"to {64 + SIZE} \(parameter block 3\)"):
        image.require(SIZE - 1, SIZE)


def test_a_block_is_verified_once(
    data: np.ndarray, origin: Origin, monkeypatch: pytest.MonkeyPatch
):
    """By whatever calls and however many threads."""
    summed: list[int] = []

    def counting(block: np.ndarray) -> bytes:
        summed.append(block.size)
        return block_sum(block)

    monkeypatch.setattr(module, "block_sum", counting)
    image = Image(data, origin)
    threads = [threading.Thread(target=image.require, args=(0, SIZE)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    image.require(0, SIZE)
    assert summed == [BLOCK_BYTES] * 3 + [100]


def test_trusted_bytes_and_bytes_without_origin_are_not_verified(data: np.ndarray, origin: Origin):
    data[0] ^= 1
    for image in (Image(data, origin, trusted=True), Image(data)):
        image.require(0, SIZE)
        image.require_at(np.array([0]))
    Image(data).check()
    with pytest.raises(Malformed):
        Image(data, origin, trusted=True).check()


def test_pieces_to_be_signed_are_copies_that_had_their_digest(data: np.ndarray, origin: Origin):
    pieces = list(Image(data, origin).pieces())
    assert [at for at, _ in pieces] == [0, BLOCK_BYTES, 2 * BLOCK_BYTES, 3 * BLOCK_BYTES]
    np.testing.assert_array_equal(np.concatenate([piece for _, piece in pieces]), data)
    assert not any(np.shares_memory(piece, data) for _, piece in pieces)
    data[-1] ^= 1
    with pytest.raises(Malformed, match="parameter block 3"):
        list(Image(data, origin).pieces())
