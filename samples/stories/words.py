"""Word lists of the story grammar: who the stories are about, and where and when they happen."""

NAMES = {
    "he": (
        "Pip", "Tom", "Ben", "Max", "Leo", "Sam", "Finn", "Oscar", "Toby", "Jack",
        "Milo", "Hugo", "Otto", "Rory", "Felix", "Bruno", "Theo", "Gus", "Jasper", "Ned",
    ),
    "she": (
        "Lily", "Mia", "Anna", "Rosie", "Bella", "Daisy", "Nora", "Ruby", "Sue", "Lucy",
        "Ella", "Ivy", "Clara", "Hazel", "Molly", "Tess", "Poppy", "Greta", "Wren", "Maya",
    ),
}  # fmt: skip

CASES = {
    "he": {"he": "he", "him": "him", "his": "his", "self": "himself"},
    "she": {"he": "she", "him": "her", "his": "her", "self": "herself"},
}

SIZES = ("little", "small", "tiny", "young", "big", "old")

ANIMALS = (
    "fox", "rabbit", "bear", "mouse", "squirrel", "hedgehog", "badger", "otter", "owl", "duck",
    "frog", "cat", "dog", "goat", "sheep", "beaver", "turtle", "mole", "deer", "pig",
    "robin", "raccoon", "lamb", "pony", "hen", "wolf",
)  # fmt: skip

CHILDREN = {"he": "boy", "she": "girl"}

# (trait, what someone with this trait does)
TRAITS = (
    ("kind", "always tried to help others"),
    ("curious", "asked questions about everything"),
    ("brave", "was not afraid of many things"),
    ("shy", "did not talk much to others"),
    ("cheerful", "smiled all day long"),
    ("clever", "liked to think of new ideas"),
    ("quiet", "liked to listen to the birds"),
    ("playful", "wanted to play from morning to night"),
    ("gentle", "never hurt even a small bug"),
    ("busy", "could never sit still"),
    ("dreamy", "often looked up at the clouds"),
    ("proud", "thought that nobody could do things better"),
    ("lonely", "wished for a good friend"),
    ("polite", "always said please and thank you"),
)

# (where the hero lives, `in`, `on` or `at`, the place to go to, a spot there)
PLACES = (
    ("in a small house near the forest", "in", "the forest", "under a tall tree"),
    ("in a quiet village", "in", "the village", "next to the old well"),
    ("on a sunny farm", "on", "the farm", "behind the red barn"),
    ("near a blue lake", "at", "the lake", "on the wooden dock"),
    ("at the foot of a high hill", "on", "the hill", "beside a big stone"),
    ("by the sea", "on", "the beach", "between two rocks"),
    ("in a green valley", "in", "the valley", "near the little bridge"),
    ("at the edge of a wide meadow", "on", "the meadow", "in the long grass"),
    ("beside a slow river", "at", "the river", "under the willow tree"),
    ("in a busy town", "in", "the park", "beneath the bench"),
    ("near an apple orchard", "in", "the orchard", "behind a basket of apples"),
    ("on a small island", "on", "the island", "inside a dry cave"),
    ("in a house with a garden", "in", "the garden", "under a bush with pink flowers"),
    ("high up in the mountains", "on", "the mountain path", "behind a pine tree"),
)

# (the weather in a sentence, the word before "day" or "morning")
WEATHERS = (
    ("The sun was shining and the sky was blue", "sunny"),
    ("The wind was blowing and the leaves were dancing", "windy"),
    ("Soft snow was falling from the sky", "snowy"),
    ("The air was warm and full of the smell of flowers", "warm"),
    ("A gray mist lay over the fields", "misty"),
    ("The grass was wet from the rain of the night", "fresh"),
    ("There were big white clouds in the sky", "cloudy"),
    ("It was so cold that the puddles were full of ice", "cold"),
    ("The birds were singing in every tree", "bright"),
)

TIMES = ("morning", "day", "afternoon")

COLORS = ("red", "blue", "yellow", "green", "white", "golden", "purple", "orange", "brown")

LIKES = (
    "to pick berries", "to watch the stars", "to read books about faraway lands", "to sing songs",
    "to jump over puddles", "to collect shiny stones", "to paint pictures", "to bake bread",
    "to climb up high", "to swim in cool water", "to tell funny stories", "to count the clouds",
    "to roll down hills", "to play hide and seek", "to make soup", "to dance in the rain",
    "to draw maps", "to listen to the wind", "to fly kites", "to look for snails",
)  # fmt: skip

FOODS = (
    "a big apple pie", "a basket of berries", "a loaf of warm bread", "a round cheese",
    "a bag of nuts", "a pot of honey", "a bowl of soup", "a box of cookies", "a sweet melon",
    "a plate of pancakes", "a bunch of carrots", "a jar of jam",
)  # fmt: skip

TOYS = (
    "ball", "kite", "drum", "scarf", "hat", "whistle", "book", "boat", "blanket", "bell",
    "lantern", "button", "spoon", "wagon", "ribbon", "basket", "flute", "mitten",
)  # fmt: skip

GAMES = (
    "hide and seek", "catch", "tag", "a guessing game", "a jumping game", "a game with stones",
    "pirates", "kings and queens", "a singing game",
)  # fmt: skip

GROWNUPS = {
    "he": ("father", "grandfather", "uncle"),
    "she": ("mother", "grandmother", "aunt"),
}
