"""Tokens to text, as it streams."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from lpuc.errors import UserError
from lpuc.text.stream import TextStream
from lpuc.text.tokenizer import Tokenizer

TOKENIZER = Path(__file__).parents[3] / "samples/stories/tokenizer.json"


class Bytes:
    """A tokenizer whose tokens are bytes."""

    def id_to_token(self, token: int) -> str | None:
        return chr(token) if token < 256 else None

    def decode(self, ids: list[int], skip_special_tokens: bool) -> str:
        assert skip_special_tokens
        return bytes(ids).decode("utf-8", "replace")


def test_a_character_waits_until_it_is_whole():
    stream = TextStream(Tokenizer(Bytes(), TOKENIZER), b"pre")
    assert [stream.push(byte) for byte in "né€".encode()] == ["n", "", "é", "", "", "€"]
    assert not stream.rest()


def test_what_never_becomes_whole_is_shown_at_the_end():
    stream = TextStream(Tokenizer(Bytes(), TOKENIZER), b"")
    assert [stream.push(byte) for byte in b"a\xe2\x82"] == ["a", "", ""]
    assert stream.rest() == "\ufffd"


def test_text_comes_back():
    tokenizer = Tokenizer.load(TOKENIZER)
    ids = tokenizer.encode("Once upon a time")
    assert len(ids) > 1
    stream = TextStream(tokenizer, ids[:1])
    shown = "".join(map(stream.push, ids[1:])) + stream.rest()
    assert (tokenizer.decode(ids[:1]) + shown) == tokenizer.decode(ids)


def _vocabulary(*words: str) -> dict[str, int]:
    """A special token, all bytes, and words."""
    return {w: i for i, w in enumerate(["<s>", *(f"<0x{b:02X}>" for b in range(256)), *words])}


WORDS = ("\u2581", "\u2581a", "\u2581the", "b", "ing", "\u2581\u2581", ".", "\u2581\u20ac")
SPACES = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
SENTENCEPIECE = {
    "type": "Sequence",
    "decoders": [
        {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ],
}
WORDPIECE = {"type": "WordPiece", "prefix": "##", "cleanup": True}
SUFFIX = {"type": "BPEDecoder", "suffix": "</w>"}
PIECES = ("the", "##ing", ".", "a", "##b", "n't", "?")


def _made(tmp_path: Path, decoder: object, words: Sequence[str]) -> Tokenizer:
    """A tokenizer whose first token is special."""
    data = json.loads(TOKENIZER.read_text("utf-8"))
    special = {"id": 0, "content": "<s>", "single_word": False, "lstrip": False, "rstrip": False,
               "normalized": False, "special": True}  # fmt: skip
    model = {"type": "WordLevel", "vocab": _vocabulary(*words), "unk_token": "<s>"}
    path = tmp_path / "tokenizer.json"
    path.write_text(
        json.dumps(data | {"model": model, "added_tokens": [special], "decoder": decoder})
    )
    return Tokenizer.load(path)


def _by_the_whole(tokenizer: Tokenizer, prompt: list[int], new: list[int]) -> list[str]:
    """The pieces, by decoding the whole text each time."""
    shown, pieces = tokenizer.decode(prompt), list[str]()
    for count in range(1, len(new) + 1):
        text = tokenizer.decode([*prompt, *new[:count]])
        whole = not text.endswith("\ufffd")
        pieces.append(text[len(shown) :] if whole else "")
        shown = text if whole else shown
    return pieces


def _drawn(rng: random.Random, words: int) -> list[int]:
    """Words, special tokens, and characters of several bytes."""
    ids: list[int] = []
    for _ in range(60):
        character = [1 + byte for byte in rng.choice("\u00e9\u20ac\U0001f600").encode()]
        ids += rng.choice([[0], character, *[[257 + rng.randrange(words)]] * 4])
    return ids


@pytest.mark.parametrize(
    ("decoder", "words"),
    [
        (SENTENCEPIECE, WORDS),
        ({"type": "Sequence", "decoders": [{"type": "ByteFallback"}, SPACES]}, WORDS),
        ({"type": "Sequence", "decoders": [{"type": "ByteFallback"}, WORDPIECE]}, PIECES),
        ({"type": "Sequence", "decoders": [{"type": "ByteFallback"}, SUFFIX]}, ("a</w>", "b", ".")),
        (None, ("a", "b")),
    ],
)
def test_pieces_are_those_of_the_whole_text(tmp_path: Path, decoder: object, words: Sequence[str]):
    tokenizer, rng = _made(tmp_path, decoder, words), random.Random(0)
    for length in (0, 1, 2, 7) * 5:
        prompt, new = _drawn(rng, len(words))[:length], _drawn(rng, len(words))
        if tokenizer.decode(prompt).endswith("\ufffd"):
            continue
        stream = TextStream(tokenizer, prompt)
        assert [stream.push(token) for token in new] == _by_the_whole(tokenizer, prompt, new)


def test_pieces_of_a_byte_level_tokenizer_are_those_of_the_whole_text():
    tokenizer, rng = Tokenizer.load(TOKENIZER), random.Random(0)
    new = [rng.randrange(1536) for _ in range(400)]
    stream = TextStream(tokenizer, [1])
    assert [stream.push(token) for token in new] == _by_the_whole(tokenizer, [1], new)


def test_what_broken_bytes_make_of_bytes_before_them_is_not_shown_again(tmp_path: Path):
    tokenizer = _made(tmp_path, SENTENCEPIECE, WORDS)
    stream = TextStream(tokenizer, [257])
    euro = [1 + byte for byte in "\u20ac".encode()]
    assert "".join(map(stream.push, [258, *euro, 256, 260])) == " a\u20ac\ufffdb"


def test_a_piece_costs_the_same_however_long_the_text_is():
    counted: list[int] = []

    class Counting(Bytes):
        def decode(self, ids: list[int], skip_special_tokens: bool) -> str:
            counted.append(len(ids))
            return super().decode(ids, skip_special_tokens)

    stream = TextStream(Tokenizer(Counting(), TOKENIZER), b"prompt")
    for byte in "a\u20ac".encode() * 100:
        stream.push(byte)
    assert max(counted[10:]) <= 4


def test_a_token_that_the_tokenizer_lacks_is_refused():
    stream = TextStream(Tokenizer(Bytes(), TOKENIZER), b"")
    with pytest.raises(UserError, match="does not know token 256: it belongs to another model"):
        stream.push(256)


@pytest.mark.parametrize("padding", [10**8, 10**4])
def test_padding_and_truncation_of_a_tokenizer_are_not_heeded(tmp_path: Path, padding: int):
    data = json.loads(TOKENIZER.read_text("utf-8"))
    data["padding"] = {
        "strategy": {"Fixed": padding}, "direction": "Right", "pad_to_multiple_of": None,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "x",
    }  # fmt: skip
    data["truncation"] = {
        "max_length": 1, "strategy": "LongestFirst", "stride": 0, "direction": "Right",
    }  # fmt: skip
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    expected = Tokenizer.load(TOKENIZER).encode("Once upon a time")
    assert Tokenizer.load(tmp_path).encode("Once upon a time") == expected


def test_a_text_that_is_none_is_refused():
    with pytest.raises(UserError, match="the prompt is not valid text"):
        Tokenizer.load(TOKENIZER).encode("a\udcff")


@pytest.mark.parametrize("content", ["", "{}", "[]", "\x00"])
def test_what_is_no_tokenizer_is_refused(tmp_path: Path, content: str):
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(UserError, match="is not a tokenizer"):
        Tokenizer.load(path)


REPLACE = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 1000}
TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "q", "type_id": 0}}] * 1000,
    "pair": [],
    "special_tokens": {"q": {"id": "q", "ids": [1] * 1000, "tokens": ["q"] * 1000}},
}


@pytest.mark.parametrize(
    ("name", "part", "message"),
    [
        ("normalizer", {"type": "Sequence", "normalizers": [REPLACE] * 3}, "lengthens texts"),
        ("decoder", {"type": "Sequence", "decoders": [REPLACE] * 3}, "lengthens texts"),
        ("normalizer", {"type": "Prepend", "prepend": "x" * 100000}, "lengthens texts"),
        ("post_processor", TEMPLATE, "lengthens texts"),
        ("normalizer", {"type": "Precompiled", "precompiled_charsmap": "/////wAA"}, "damaged"),
    ],
)
def test_a_tokenizer_that_makes_much_of_little_is_refused(
    tmp_path: Path, name: str, part: object, message: str
):
    """Given to the library, these end the process, or take minutes for three letters."""
    path = tmp_path / "t.json"
    path.write_text(json.dumps(json.loads(TOKENIZER.read_text("utf-8")) | {name: part}))
    with pytest.raises(UserError, match=f"its {name} .*{message}"):
        Tokenizer.load(path)


def test_replacements_in_use_are_no_growth(tmp_path: Path):
    part = {"type": "Sequence", "normalizers": [{**REPLACE, "content": "\u2581"}] * 40}
    path = tmp_path / "t.json"
    path.write_text(json.dumps(json.loads(TOKENIZER.read_text("utf-8")) | {"normalizer": part}))
    assert Tokenizer.load(path).encode("Once upon a time")


@pytest.mark.parametrize("stop", [1, 10**12])
def test_a_panic_of_the_library_is_one_message(tmp_path: Path, stop: int):
    data = json.loads(TOKENIZER.read_text("utf-8"))
    data["decoder"] = {"type": "Strip", "content": "a", "start": 1, "stop": stop}
    path = tmp_path / "t.json"
    path.write_text(json.dumps(data))
    tokenizer = Tokenizer.load(path)
    with pytest.raises(UserError, match="cannot decode"):
        tokenizer.decode(tokenizer.encode("aaa! aa"))
