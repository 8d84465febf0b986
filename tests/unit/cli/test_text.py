"""Tokens to text, as it streams."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpuc.errors import UserError
from lpuc.text import TextStream, Tokenizer, printable_text

TOKENIZER = Path(__file__).parents[3] / "samples/stories/tokenizer.json"


class Bytes:
    """A tokenizer whose tokens are bytes."""

    def decode(self, ids: list[int], skip_special_tokens: bool) -> str:
        assert skip_special_tokens
        return bytes(ids).decode("utf-8", "replace")


def test_a_character_waits_until_it_is_whole():
    stream = TextStream(Tokenizer(Bytes()), b"pre")
    assert [stream.push(byte) for byte in "né€".encode()] == ["n", "", "é", "", "", "€"]
    assert not stream.rest()


def test_what_never_becomes_whole_is_shown_at_the_end():
    stream = TextStream(Tokenizer(Bytes()), b"")
    assert [stream.push(byte) for byte in b"a\xe2\x82"] == ["a", "", ""]
    assert stream.rest() == "\ufffd"


def test_text_comes_back():
    tokenizer = Tokenizer.load(TOKENIZER)
    ids = tokenizer.encode("Once upon a time")
    assert len(ids) > 1
    stream = TextStream(tokenizer, ids[:1])
    shown = "".join(map(stream.push, ids[1:])) + stream.rest()
    assert (tokenizer.decode(ids[:1]) + shown) == tokenizer.decode(ids)


@pytest.mark.parametrize("content", ["", "{}", "[]", "\x00"])
def test_what_is_no_tokenizer_is_refused(tmp_path: Path, content: str):
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(UserError, match="is not a tokenizer"):
        Tokenizer.load(path)


def test_control_characters_of_a_model_do_not_reach_the_terminal():
    assert printable_text("a\nb\tc\x1b[2J") == "a\nb\tc\\x1b[2J"
