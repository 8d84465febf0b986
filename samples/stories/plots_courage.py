"""Plots about what the heroes learn by themselves; templates as in `plots_kindness.py`."""

from samples.stories.plot import Plot

SKILL = Plot(
    name="skill",
    fields=("skill", "fail", "advice", "win"),
    rows=(
        ("swim", "swallowed a lot of water", "move your legs slowly", "swam across the pond"),
        ("whistle", "made only a puff of air", "make your mouth round", "whistled a whole song"),
        ("climb", "slid down again", "look for a safe step", "climbed to the very top"),
        ("read", "mixed up all the letters", "read one word at a time", "read a whole page"),
        ("dance", "tripped and fell", "listen to the music first", "danced without a mistake"),
        ("fly a kite", "broke the string", "wait for the wind", "made the kite fly high"),
        ("bake bread", "burned the bread", "watch the oven", "baked a perfect loaf"),
        ("skate", "landed on the ice", "bend your knees", "skated in a big circle"),
        ("sew", "pricked a finger", "make small steps", "made a fine blue bag"),
        ("juggle", "dropped all the apples", "start with two apples", "juggled four apples"),
    ),
    lines=(
        "[More than anything|Most of all], {h} wanted to learn to {skill}. "
        "[{His} friend {full} could do it very well.|Everyone else could do it.]",
        "One {weather} {time}, {he} went to {place} and tried it. But {he} {fail}. [{He} tried "
        "again, but it was no better.|{He} tried again and again.]",
        '["I will never learn it!" {he} cried.|"It is too hard for me," {he} said and sat '
        "down.|{h} was angry and wanted to give up.]",
        '{f} [saw it|came along] and did not laugh. ["Nobody can {skill} on the first day," said '
        '{f}.|"I could not do it at first either," {fhe} said.] "You must {advice}."',
        "So {h} practiced [every day|each morning|for two weeks]. [Some days were hard.|"
        "Sometimes {he} {fail} again, but {he} only laughed.] Little by little, it became easier.",
        "[Then, one evening|And one day], {h} {win}! "
        '["I can {skill}!" {he} shouted.|"Look at me, I can {skill}!" {he} called.]',
        '{f} clapped and [cheered.|said, "I knew that you could do it."] {h} was so proud of '
        "{self}.",
    ),
    morals=(
        "{h} learned that you must not give up too soon.",
        "Practice had made the hard thing easy.",
        "Now {h} helps others who want to learn to {skill}.",
    ),
)

FEAR = Plot(
    name="fear",
    fields=("fear", "sign", "cause"),
    rows=(
        ("the dark", "a scratching sound at the window", "a branch that moved in the wind"),
        ("thunder", "a loud boom", "the door of the barn"),
        ("ghosts", "something white behind the house", "a sheet on the line"),
        ("monsters", "two shining eyes under the bed", "a little kitten"),
        ("the old mill", "a strange voice in the mill", "the wind in the broken window"),
        ("the cave", "a deep growl in the cave", "an old badger that snored"),
        ("snakes", "something long on the path", "an old rope"),
        ("the night", "a soft tapping on the roof", "the rain"),
    ),
    lines=(
        "There was only one thing that {h} [did not like|was scared of]: {he} was afraid of "
        "{fear}. [{He} never told anyone about it.|{His} {grownup} knew about it.]",
        "One {night}, {h} noticed {sign}. {His} heart [beat fast|began to pound]. "
        "[{He} hid under the blanket.|{He} could not move.]",
        '["What can it be?" {he} whispered.|"Who is there?" {he} asked, but nobody answered.]',
        "[{h} wanted to run away, but {he} also wanted to know the truth.|Then {h} remembered the "
        'words of {his} {grownup}: "Look closely at the things that scare you."]',
        "{He} took [a lantern|a candle|a small lamp] and went to look, [step by step|very "
        "slowly]. {His} hands were shaking.",
        "And what did {he} see? It was only {cause}! {h} [began to laugh|laughed out loud|had "
        "to smile].",
        "[The next day|In the morning], {he} told {full} about it. "
        '["You were very brave," said {f}.|"I would have run away," said {f}.] '
        '["I was afraid," said {h}, "but I went anyway."|]',
    ),
    morals=(
        "From then on, {h} was not so afraid of {fear} anymore.",
        "{h} learned that being brave means to look even when you are scared.",
        "That night, {he} slept very well.",
    ),
)

HONESTY = Plot(
    name="honesty",
    fields=("thing", "deed", "wish"),
    rows=(
        ("vase", "ran through the room", "fix it with glue"),
        ("window", "threw a stone too far", "pay for a new one"),
        ("cup", "climbed on the table", "buy another one"),
        ("chair", "jumped up and down on it", "mend the leg"),
        ("clock", "wanted to see how it worked", "put it together again"),
        ("fence", "tried to sit on it", "paint a new one"),
        ("mirror", "danced too wildly", "clean up the pieces"),
        ("jar", "tried to reach the sweets", "sweep the floor"),
    ),
    lines=(
        "One {weather} {time}, {h} was alone at home. {He} {deed}, and [crash|oh no]! The {thing} "
        "of {his} {grownup} was broken.",
        "{h} was scared. [{He} hid the pieces behind the door.|{He} covered it with a blanket.] "
        '["Maybe nobody will see it," {he} thought.|]',
        '[When {his} {grownup} came home, {ghe} asked, "Who broke the {thing}?"|In the evening, '
        '{his} {grownup} saw the broken {thing}. "Who did this?" {ghe} asked.]',
        '["It was the wind," said {h}.|"I do not know," {h} said and looked at the floor.] But '
        "{his} [tummy hurt|cheeks turned red|heart felt heavy].",
        "That night, {h} could not sleep. [{He} turned from side to side.|{He} thought of the "
        "{thing} again and again.] So {he} got up and went to {his} {grownup}.",
        '"I broke the {thing}," {he} said. "I {deed}. I am so sorry. I want to {wish}."',
        "{His} {grownup} [hugged {him}|sat down beside {him}|smiled softly]. "
        '["A {thing} can be mended," {ghe} said, "but the truth is worth much more."|"Thank '
        'you for telling me the truth," {ghe} said. "I am not angry."]',
        "The next day, they worked [side by side|together] until everything was fine again.",
    ),
    morals=(
        "{h} learned that it is best to tell the truth.",
        "{h} felt light and happy again, and {he} never lied about such a thing again.",
    ),
)

GARDEN = Plot(
    name="garden",
    fields=("seed", "grew", "made"),
    rows=(
        ("pumpkin seed", "a giant pumpkin", "a big pot of soup"),
        ("sunflower seed", "a sunflower as tall as the house", "a hat full of seeds"),
        ("bean", "a bean plant that climbed up the wall", "a bean stew"),
        ("apple seed", "a little apple tree", "a sweet apple pie"),
        ("strawberry seed", "a row of red strawberries", "a jar of jam"),
        ("carrot seed", "the longest carrot in the land", "a carrot cake"),
        ("corn seed", "ten stalks of yellow corn", "a bowl of popcorn"),
    ),
    lines=(
        "One {weather} {time}, {h} [found|bought] a tiny {seed} {in_place}. "
        '["What will become of you?" {he} asked.|{He} carried it home in {his} pocket.]',
        "{h} dug a hole {spot2} and put the {seed} into it. [Every morning, {he} gave it water.|"
        "{He} watered it day after day.]",
        "[But nothing happened.|Days went by, but there was only brown earth.] "
        '["It is only a stone," said {full} and laughed.|{full} shook {fhis} '
        'head. "You are wasting your time," said {f}.]',
        '["Good things need time," said {h}.|{h} did not listen. {He} waited and kept the ground '
        "wet.]",
        "[Then, after a warm rain|Then, one morning], there was a small green leaf! It grew and "
        "grew. By the end of summer, it was {grew}.",
        "{f} [could not believe {fhis} eyes|was amazed]. "
        '["I am sorry that I laughed," said {f}.|"You were right and I was wrong," said {f}.]',
        '"[Come and help me|Let us cook together]," said {h}. They made {made}, and there was '
        "enough for [all the neighbors|everyone].",
    ),
    morals=(
        "{h} was glad that {he} had been patient.",
        "{f} learned that you must wait for good things.",
        "And they saved one seed for the next year.",
    ),
)

RACE = Plot(
    name="race",
    strangers=True,
    fields=("game", "boast", "error"),
    rows=(
        ("a race to the bridge", "I am faster than the wind", "stopped to take a nap"),
        ("a race around the pond", "nobody can beat me", "stopped to look in the water"),
        ("a swimming race", "I swim like a fish", "played with the bubbles"),
        ("a contest for the tallest tower", "mine will touch the sky", "did not build it well"),
        ("a cooking contest", "I am the best cook of all", "forgot the salt"),
        ("a singing contest", "my voice is like gold", "forgot the words"),
    ),
    lines=(
        "One {weather} {time}, there was going to be {game} {in_place}. [Everybody talked about "
        "it.|There was even a prize: {food}.]",
        '{full} wanted to win. "{Boast}!" {fhe} said [to everyone|in a loud voice]. '
        '[{fHe} laughed at {h}.|"And you, {h}, will be the last."]',
        '{h} [felt small, but {he} did not get angry|only smiled]. ["I will just do my best," '
        '{he} said.|"We will see," {he} said.]',
        "When it began, {f} [was far ahead|did very well] at first. But then {fhe} thought that "
        "{fhe} had already won, and {fhe} {error}.",
        "{h} [went on slowly and carefully|did not stop and did not look around]. {He} thought "
        "only about {his} work.",
        "In the end, the winner was {h}! [Everyone cheered.|Everybody threw their hats into the "
        "air.] {f} [looked at {fhis} feet|felt ashamed].",
        '{h} went over to {fhim}. ["You were good too," {he} said. "Let us try again tomorrow."|'
        '"Come, let us celebrate together," {he} said.] {f} [smiled.|said, "I am sorry that I '
        'was so proud."]',
    ),
    morals=(
        "{f} learned that it is not good to boast.",
        "Slow and careful work wins in the end.",
        "They became good friends after that.",
    ),
)

STORM = Plot(
    name="storm",
    strangers=True,
    fields=("storm", "hurt", "shelter"),
    rows=(
        ("rain", "The paths turned into rivers", "a dry cave"),
        ("snow", "The paths were white and cold", "a warm hut"),
        ("wind", "The branches broke and flew around", "an old barn"),
        ("thunder", "The sky was as black as coal", "a hollow tree"),
        ("hail", "The ice was as big as nuts", "a little cabin"),
    ),
    lines=(
        "One {time}, {h} was on the way home from {place}. Suddenly, there was a lot of {storm}. "
        "{hurt}.",
        "{h} [ran|walked] as fast as {he} could, but it was still far. Then {he} saw {shelter}. "
        '["I will wait here," {he} said.|{He} hurried inside and made a small fire.]',
        "[After a while|Soon], there was a knock. It was {full}. {fHe} was [cold and "
        'wet|tired and shaking]. "May I come in?" {fhe} asked.',
        "{h} did not know {fhim}, [and the place was very small|and {he} was a little afraid]. But "
        '{he} said, "[Of course|Please come in]. There is room for two."',
        "They sat close together, and {h} gave {f} [half of {his} bread|a dry coat|some warm tea]. "
        "[They told each other stories.|{f} told {him} about {fhis} long journey.|They sang "
        "songs until they were not afraid anymore.]",
        "[In the morning|After some hours], the {storm} was over. [A rainbow stood in the sky.|"
        "The sun came out again.] {f} showed {h} a short way home.",
    ),
    morals=(
        "{h} was glad that {he} had opened the door.",
        "A stranger had become a friend.",
        "Every time there was {storm}, they thought of that day and smiled.",
    ),
)

BUILD = Plot(
    name="build",
    fields=("goal", "stuff", "problem"),
    rows=(
        ("a tree house", "boards and nails", "the boards were too heavy"),
        ("a raft", "logs and rope", "the logs rolled away"),
        ("a bridge over the stream", "stones and planks", "the planks were too long"),
        ("a snowman", "snow and a carrot", "the head was too heavy"),
        ("a sand castle", "sand and shells", "the waves washed it away"),
        ("a little wagon", "wood and four wheels", "the wheels did not turn"),
        ("a house for the birds", "wood and straw", "the roof fell off"),
    ),
    lines=(
        "One {weather} {time}, {h} decided to build {goal} {in_place}. {He} collected "
        "{stuff} and began.",
        '["I can do it alone," {he} said.|{full} wanted to help, but {h} said, "No, I '
        'want to do it alone."]',
        "But it was not so easy, because {problem}. {h} tried [it once more|everything], but it "
        "did not work. [{He} was tired and angry.|{He} threw {his} hat on the ground.]",
        "[Then {full} came by.|{full} looked at it for a while.] "
        '["Shall we do it together?" {fhe} asked.|"Four hands are better than two," {fhe} said.]',
        "{h} [thought about it and nodded|had to admit that it was a good idea]. {f} held one "
        "side and {h} held the other. [They talked and laughed while they worked.|Now the work "
        "went fast.]",
        "[Before the sun went down|By the evening], it was ready! "
        '["We did it!" they shouted.|"It is beautiful," said {f}. "It is ours," said {h}.]',
        "They [sat {spot} and looked at it|played there every day] and were very happy.",
    ),
    morals=(
        "{h} learned that it is good to ask for help.",
        "Together, they could do things that nobody could do alone.",
    ),
)

PLOTS = (SKILL, FEAR, HONESTY, GARDEN, RACE, STORM, BUILD)
