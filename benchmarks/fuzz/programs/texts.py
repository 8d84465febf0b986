"""Assembly and IR texts with a change in one place: characters, words, lines."""

from __future__ import annotations

from random import Random

WORDS = (
    '"', "{", "}", "(", ")", "[", "]", "<", ">", "//", "#", "%", "@x", "^bb0", "!", "'", "\\", "\0",
    "-1", "0", "1e400", "nan", "99999999999999999999", "0x7FC00000", "r255", "r256", "L0", ";",
    "loop", "halt", "f32", "i64", "dense<", 'dense<"0x', "\ud7ff", "\u2028", "é" * 40,
    '"' + "a" * 60, '"' + "\\" * 60, "(" * 3000, "[" * 3000, "a" * 100_000,
)  # fmt: skip


def mutate(text: str, rng: Random) -> str:
    """The text with one to three changes."""
    for _ in range(rng.randint(1, 3)):
        text = _changed(text, rng)
    return text


def _changed(text: str, rng: Random) -> str:
    at = rng.randrange(len(text) + 1)
    end = min(len(text), at + rng.choice((1, 2, 8, 60, 500)))
    lines = text.splitlines(keepends=True) or [""]
    line = rng.randrange(len(lines))
    match rng.choice(("cut", "drop", "insert", "replace", "line", "quote", "swap")):
        case "cut":
            return text[:at]
        case "drop":
            return text[:at] + text[end:]
        case "insert":
            return text[:at] + rng.choice(WORDS) + text[at:]
        case "replace":
            return text[:at] + rng.choice(WORDS) + text[end:]
        case "line":
            lines.insert(rng.randrange(len(lines)), lines[line])
        case "quote":
            parts = text.split('"')
            cut = rng.randrange(len(parts))
            return (
                '"'.join(parts[:cut]) + "".join(parts[cut : cut + 2]) + '"'.join(parts[cut + 2 :])
            )
        case _:
            other = rng.randrange(len(lines))
            lines[line], lines[other] = lines[other], lines[line]
    return "".join(lines)
