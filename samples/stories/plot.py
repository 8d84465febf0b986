"""The shape of a plot and the expansion of its templates."""

import re
from dataclasses import dataclass
from random import Random

CHOICE = re.compile(r"\[([^\[\]]*)\]")
ARTICLE = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])")
SENTENCE = re.compile(r'(?:^|[.!?] |\." )[a-z]')


@dataclass(frozen=True)
class Plot:
    """
    A sequence of template lines, a table of things that belong together, and morals.

    `strangers`: the hero meets the friend only in the course of the plot.
    """

    name: str
    fields: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[str, ...]
    morals: tuple[str, ...]
    strangers: bool = False

    def draw(self, rng: Random) -> dict[str, str]:
        """One row of the table, by field."""
        return dict(zip(self.fields, rng.choice(self.rows), strict=True))


def expand(template: str, facts: dict[str, str], rng: Random) -> str:
    """Choose one alternative of each `[a|b]`, innermost first, then fill the fields."""
    while found := CHOICE.search(template):
        choice = rng.choice(found[1].split("|"))
        template = template[: found.start()] + choice + template[found.end() :]
    return tidy(template.format(**facts))


def tidy(text: str) -> str:
    """One space between words, `an` before a vowel, a capital letter after a full stop."""
    text = ARTICLE.sub(r"\1n ", " ".join(text.split()))
    return SENTENCE.sub(lambda start: start[0].upper(), text)
