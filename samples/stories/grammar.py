"""
Compose short children's stories, each one determined by its seed.

`story(seed)` draws a cast (a hero, a friend, a home, the weather), a plot, and one alternative of
each sentence. Names, kinds and pronouns stay the same through a story.

Some combinations never occur in the training text, to measure what the model makes of them:
a hero of a held-out (size, kind) pair such as `little fox`, or a plot in a held-out place.
`python -m samples.stories.grammar 7` prints story 7.
"""

import sys
from random import Random

from samples.stories import plots_courage, plots_kindness
from samples.stories.plot import Plot, expand
from samples.stories.words import (
    ANIMALS,
    CASES,
    CHILDREN,
    COLORS,
    FOODS,
    GAMES,
    GROWNUPS,
    LIKES,
    NAMES,
    PLACES,
    SIZES,
    TIMES,
    TOYS,
    TRAITS,
    WEATHERS,
)

PLOTS = plots_kindness.PLOTS + plots_courage.PLOTS
CHILD_SHARE = 0.25

OPENINGS = (
    "Once upon a time, there was a {size} {kind} named {h}. {He} lived {home}.",
    "Once upon a time, there was a {size} {kind} named {h} who lived {home}.",
    "Once upon a time, a {size} {kind} named {h} lived {home}.",
    "Once there was a {trait} {size} {kind}. {His} name was {h}, and {he} lived {home}.",
    "There was once a {size} {kind} who lived {home}. {His} name was {h}.",
    "Long ago, a {trait} {kind} named {h} lived {home}.",
    "{h} was a {size} {kind} who lived {home}.",
    "One {weather} {time}, a {size} {kind} named {h} sat near the window. {He} lived {home}.",
    "There once lived a {size} {kind} {home}. {His} name was {h}.",
    "This is the story of {h}, a {trait} {size} {kind}. {h} lived {home}.",
)
INTRODUCTIONS = (
    "{h} was very {trait} and {habit}.",
    "{He} was {trait}: {he} {habit}.",
    "{h} liked {like}. [{He} also {habit}.|]",
    "Every day, {he} got up early [and opened the window|and made breakfast], for {he} loved "
    "{like}.",
    "[{He} loved {like} and {like2}.|Everyone knew that {h} was {trait}.]",
    "{His} best friend was {f}, a {fkind}. [They both loved {like}.|{f} was very {ftrait}.]",
    "",
)
WEATHER_LINES = ("{Sky}.", "{Sky}, and {h} was already awake.", "", "", "")
CLOSINGS = (
    "[The end.|]",
    "And they lived happily ever after.",
    "That evening, {h} fell asleep with a smile.",
    "When the stars came out, {he} told {his} {grownup} all about it.",
    "",
    "",
)


def story(seed: int, held_out: bool = False) -> str:
    """The story of this seed: from the training text, or of a held-out combination."""
    rng = Random(f"{held_out} {seed}")
    plot, facts = cast(rng)
    while is_held_out(plot, facts) != held_out:
        plot, facts = cast(rng)
    known = [line for line in INTRODUCTIONS if not (plot.strangers and "{f}" in line)]
    lines = [rng.choice(OPENINGS), rng.choice(known), rng.choice(WEATHER_LINES)]
    lines += [*plot.lines, rng.choice(plot.morals), rng.choice(CLOSINGS)]
    return " ".join(" ".join(expand(line, facts, rng) for line in lines).split())


def is_held_out(plot: Plot, facts: dict[str, str]) -> bool:
    """Whether the hero's (size, kind) or the (plot, place) is one of those kept from training."""
    place = [place for _, _, place, _ in PLACES].index(facts["place"])
    if (PLOTS.index(plot) * 3 + place) % 13 == 0:
        return True
    if facts["kind"] not in ANIMALS:
        return False
    return (SIZES.index(facts["size"]) * 5 + ANIMALS.index(facts["kind"])) % 9 == 0


def cast(rng: Random) -> tuple[Plot, dict[str, str]]:
    """A plot, and everything that its templates may name."""
    plot = rng.choice(PLOTS)
    facts = setting(rng) | hero(rng)
    facts |= friend(rng, facts["h"], facts["kind"])
    return plot, facts | filled(plot.draw(rng), facts)


def setting(rng: Random) -> dict[str, str]:
    """Where and when, and the objects that any plot may use."""
    home, preposition, place, spot = rng.choice(PLACES)
    sky, weather = rng.choice(WEATHERS)
    like, like2 = rng.sample(LIKES, 2)
    food = rng.choice(FOODS)
    side = rng.choice(("he", "she"))
    return {
        "home": home,
        "place": place,
        "in_place": f"{preposition} {place}",
        "spot": spot,
        "spot2": rng.choice(("behind the house", "in the garden", "next to the gate", spot)),
        "Sky": sky,
        "weather": weather,
        "time": rng.choice(TIMES),
        "night": rng.choice(("night", "evening")),
        "like": like,
        "like2": like2,
        "food": food,
        "food2": "the " + food.split(" ", 1)[1],
        "toy": rng.choice(TOYS),
        "color": rng.choice(COLORS),
        "game": rng.choice(GAMES),
        "grownup": rng.choice(GROWNUPS[side]),
        "ghe": side,
    }


def hero(rng: Random) -> dict[str, str]:
    """The main character, with pronouns."""
    side = rng.choice(("he", "she"))
    trait, habit = rng.choice(TRAITS)
    facts = {"h": rng.choice(NAMES[side]), "trait": trait, "habit": habit} | CASES[side]
    facts |= {"kind": kind(rng, side), "size": rng.choice(SIZES)}
    if facts["kind"] in CHILDREN.values():
        facts["size"] = rng.choice(SIZES[:4])
    return facts | {"He": facts["he"].title(), "His": facts["his"].title()}


def friend(rng: Random, hero_name: str, hero_kind: str) -> dict[str, str]:
    """Another character, of another name and kind than the hero; its pronouns start with `f`."""
    side = rng.choice(("he", "she"))
    facts = {"f": rng.choice([name for name in NAMES[side] if name != hero_name])}
    facts |= {"f" + case: form for case, form in CASES[side].items()}
    facts |= {"fHe": facts["fhe"].title(), "fHis": facts["fhis"].title()}
    fkind = hero_kind
    while fkind == hero_kind:
        fkind = kind(rng, side)
    child = fkind in CHILDREN.values()
    full = f"little {facts['f']}" if child else f"{facts['f']} the {fkind}"
    return facts | {"fkind": fkind, "full": full, "ftrait": rng.choice(TRAITS)[0]}


def kind(rng: Random, side: str) -> str:
    """An animal, or a child of this side."""
    return CHILDREN[side] if rng.random() < CHILD_SHARE else rng.choice(ANIMALS)


def filled(row: dict[str, str], facts: dict[str, str]) -> dict[str, str]:
    """A plot's row with the cast filled in, and each entry also with a capital letter."""
    plain = {field: text.format(**facts) for field, text in row.items()}
    return plain | {field.title(): text[0].upper() + text[1:] for field, text in plain.items()}


if __name__ == "__main__":
    print(story(int(sys.argv[1]), held_out="--held-out" in sys.argv))
