"""
Plots about what friends do for each other.

A template chooses one of `[a|b]` and fills `{field}`; fields come from the cast (see
`grammar.py`) and from the plot's own table, of which each story draws one row.
"""

from samples.stories.plot import Plot

SHARING = Plot(
    name="sharing",
    fields=("smell", "first"),
    rows=(
        ("It smelled so good", "I will eat it all by myself"),
        ("It looked so tasty", "I do not want to give any away"),
        ("It was still fresh", "This is just for me"),
        ("It was more than enough for one", "Nobody needs to know about this"),
    ),
    lines=(
        "[One {weather} {time}|That {time}], {h} [found|got] {food} [on a path|near the door|"
        "at the market] {in_place}. {smell}!",
        '["{first}," {he} thought.|{He} thought, "{first}."]',
        "[Then|Just then|A moment later], {full} came [along|by|down the path]. "
        "{fHe} looked [hungry|tired and hungry|thin and sad].",
        '["I have not eaten [since yesterday|all day]," said {f}.|'
        '"My [basket|plate|bowl] is empty," {f} said in a low voice.]',
        "{h} looked at {food2}, and then {he} looked at {f}. "
        "[{He} felt sorry for {fhim}.|{His} heart became soft.]",
        '["We can share it," said {h}. "Half for you and half for me."|'
        '{h} smiled and said, "Please sit down and eat with me."]',
        "[They sat down {spot} and ate together.|The two of them ate until nothing was left.]",
        '["Thank you, {h}," said {f}. "You are a true friend."|'
        '{f} gave {h} a big hug and said, "That was the best meal of my life."]',
        "[{h} was surprised that it tasted better this way.|"
        "It tasted much better than it would have tasted alone.]",
    ),
    morals=(
        "From that day on, {h} always shared what {he} had.",
        "{h} learned that sharing makes everything sweeter.",
        "After that, {h} and {f} ate together every week.",
    ),
)

LOST = Plot(
    name="lost",
    fields=("bad1", "bad2"),
    rows=(
        ("under the bed", "behind the door"),
        ("in the kitchen", "on the roof"),
        ("in the tall grass", "near the pond"),
        ("under the table", "in the wood box"),
        ("on the path", "beside the fence"),
        ("between the flowers", "in the old shed"),
    ),
    lines=(
        "{h} had a {color} {toy}. [It was a gift from {his} {grownup}.|"
        "{He} took it with {him} everywhere.|It was the thing that {he} loved most.]",
        "[But one {weather} {time}|One {weather} {time}, however], the {toy} was gone! "
        "{h} [began to cry|felt very sad|did not know what to do].",
        "{He} looked {bad1}, but it was not there. {He} looked {bad2}, but it was not there "
        "[either|either, and {he} sighed].",
        "{full} [heard {him}|saw {him}] and came over. "
        '["What is wrong?" asked {f}.|"Why are you so sad?" {fhe} asked.]',
        '["I lost my {color} {toy}," said {h}. "I can not find it anywhere."|'
        '"My {toy} is gone," {h} said with tears in {his} eyes.]',
        '["Do not worry," said {f}. "I will help you look."|'
        '"Two friends see more than one," {f} said. "Where did you play yesterday?"]',
        "[Together they went to {place}.|So they went out to {place}.] They looked high and low.",
        "[At last|Suddenly], {f} saw something {color} {spot}. "
        '["Is this yours?" {fhe} asked.|"Look over there!" {fhe} shouted.]',
        "It was the {toy}! {h} [jumped for joy|laughed and held it tight|was so happy that "
        "{he} danced]. "
        '["Thank you, {f}!" {he} said.|]',
    ),
    morals=(
        "{h} learned that problems are smaller when a friend helps.",
        "From then on, {h} took good care of the {toy}.",
        "And after that, {h} let {f} play with the {toy} too.",
    ),
)

GIFT = Plot(
    name="gift",
    fields=("made", "from_", "use"),
    rows=(
        ("a crown", "leaves and flowers", "wear it all day"),
        ("a necklace", "shells and string", "wear it every Sunday"),
        ("a little boat", "bark and a leaf", "let it swim in the pond"),
        ("a warm hat", "soft wool", "never be cold in winter"),
        ("a wooden spoon", "an old branch", "stir the soup with it"),
        ("a picture", "paper and berry juice", "hang it on the wall"),
        ("a lamp", "an old jar and a candle", "read at night"),
        ("a pillow", "cloth and dry grass", "sleep well"),
    ),
    lines=(
        "[One {weather} {time}|Early one {weather} morning], {h} heard that it was the birthday "
        "of {full}.",
        "{h} wanted to give {f} a gift, but {he} had no [money|coins]. "
        '["What can I do?" {he} thought.|{He} sat down and thought for a long time.]',
        "[Then {he} had an idea.|Then a good idea came to {him}.] {He} went to {place} and found "
        "{from_}.",
        "{h} worked [all day|for many hours|very carefully]. [It was not easy, but {he} did not "
        "stop.|Sometimes it broke, and {he} started again.] In the end, {he} had made {made}.",
        '[In the evening|When it was done], {h} knocked on the door of {f}. "Happy birthday!" '
        "{he} said. [{He} was a little afraid that {f} would not like it.|]",
        "{f} opened the box and [smiled|gasped|clapped]. "
        '["Did you make {made} just for me?" {fhe} asked.|"{Made}! I love it," {fhe} said.]',
        '["Yes, from {from_}," said {h}.|"I made it from {from_}," {h} said proudly.]',
        '["Now I can {use}," said {f}. "This is the best gift of all."|'
        '"I will {use}," said {f}. "Thank you, my dear friend."]',
        "Then they ate [cake|a piece of cake|pancakes] and [sang songs|played {game}] until "
        "[the moon came up|it was dark].",
    ),
    morals=(
        "{h} learned that a gift from the heart is worth more than gold.",
        "{h} was glad that {he} had worked so hard.",
    ),
)

SICK = Plot(
    name="sick",
    fields=("ill", "cure"),
    rows=(
        ("had a bad cold", "hot soup"),
        ("had a sore throat", "tea with honey"),
        ("had hurt {fhis} leg", "a soft bandage"),
        ("had a fever", "cool water and a wet cloth"),
        ("had a bad tummy ache", "warm tea"),
        ("had a headache", "mint leaves"),
    ),
    lines=(
        "{h} and {full} met every day [to play {game}|at {place}|to play]. But one "
        "{weather} {time}, {f} did not come.",
        '["Where is {f}?" {h} wondered.|{h} waited and waited.] {He} went to the house of {f} '
        "and knocked on the door.",
        "{f} was in bed. {fHe} {ill}. [{fHis} face was pale.|{fHe} could not even smile.]",
        '["Oh no, poor {f}!" said {h}. "I will take care of you."|'
        '"Do not get up," said {h}. "I know what you need."]',
        "{h} ran home and [told {his} {grownup} about it|asked {his} {grownup} for help]. Then "
        "{he} came back with {cure}.",
        "[{He} also told {f} funny stories.|{He} sat beside the bed and read from a book.|"
        "{He} opened the window and sang a soft song.] {f} [slept well that night|began to "
        "smile|felt a little better].",
        "[After three days|A few days later|The next morning], {f} was well again. "
        '["You made me healthy," said {f}.|"Your {cure} helped me," {fhe} said, "but your '
        'visit helped me even more."]',
        "[The two friends went out and played {game} all afternoon.|They walked to {place} "
        "together and laughed all the way.]",
    ),
    morals=(
        "A good friend is the best medicine.",
        "{h} was happy, because helping others felt good.",
    ),
)

STRANGER = Plot(
    name="stranger",
    strangers=True,
    fields=("odd", "good"),
    rows=(
        ("talked in a funny way", "knew many songs"),
        ("had a long scar", "had traveled all over the world"),
        ("wore a strange hat", "could do magic tricks"),
        ("was much bigger than the others", "could carry everyone across the stream"),
        ("was very quiet", "could draw the most beautiful pictures"),
        ("had only one ear", "told the best stories"),
        ("was covered in mud", "knew where the best berries grew"),
    ),
    lines=(
        "One {weather} {time}, somebody new came to {place}. It was a {fkind} named {f}. {fHe} "
        "{odd}.",
        "[The others did not want to play with {fhim}.|Everyone stared at {fhim}, and nobody "
        "said hello.] {f} sat alone {spot} and [looked at the ground|felt sad].",
        '{h} saw this. ["It must be hard to be new," {he} thought.|{He} remembered how it felt '
        "to be alone.] So {he} walked over to {fhim}.",
        '["Hello, my name is {h}," {he} said. "Do you want to play {game}?"|"Hi! I am {h}," '
        '{he} said. "Would you like to play {game} with me?"]',
        '["Yes, please!" said {f}, and {fhis} eyes lit up.|{f} smiled for the first time. '
        '"I would love to," {fhe} said.]',
        "They played until [the sun went down|they were tired]. {h} found out that {f} {good}. "
        '["Wow!" said {h}. "That is wonderful."|{h} could hardly believe it.]',
        "[Soon|The next day], the others came closer. They saw that {f} {good}, and they [wanted "
        "to be {fhis} friends too|said that they were sorry].",
    ),
    morals=(
        "{h} learned that you can not know others before you talk to them.",
        "Since that day, {f} was never alone again.",
        "A friendly word had changed everything.",
    ),
)

RESCUE = Plot(
    name="rescue",
    strangers=True,
    fields=("trap", "how", "later"),
    rows=(
        ("had fallen into a deep hole", "let down a long rope", "pulled {him} out of the mud"),
        ("was stuck in the mud", "pushed a board under {fhim}", "showed {him} the way home"),
        ("was caught in a net", "cut the net with a sharp stone", "warned {him} of a storm"),
        ("was trapped under a branch", "lifted the branch with a pole", "carried {his} bag"),
        ("could not get down from a tree", "brought a ladder", "found {his} lost key"),
        ("had slipped into the water", "held out a long stick", "helped {him} to fix the roof"),
    ),
    lines=(
        "One {weather} {time}, {h} went for a walk [to {place}|near {place}].",
        'Suddenly, {he} heard a cry. "Help! [Please help me!|Is anybody there?]" {h} ran as fast '
        "as {he} could.",
        "It was {full}. {fHe} {trap}. [{fHe} was shaking with fear.|{fHe} had been "
        "there since morning.]",
        '["Stay calm," said {h}. "I will get you out."|"Do not be afraid," {h} called. "I have '
        'a plan."]',
        "{h} [looked around|thought quickly|took a deep breath]. Then {he} {how}. [It was hard "
        "work.|It took a long time.]",
        "[In the end|At last], {f} was free! "
        '["You saved me," said {f}. "I will never forget it."|{f} hugged {him} and said, "Thank '
        'you! One day I will help you too."]',
        "[And so it was.|{f} kept {fhis} word.] [Some weeks later|When winter came], {h} had "
        "trouble too, and {f} {later}.",
    ),
    morals=(
        "They both learned that one good deed brings another.",
        "Since then, {h} and {f} have been best friends.",
        "No help is ever wasted.",
    ),
)

PLOTS = (SHARING, LOST, GIFT, SICK, STRANGER, RESCUE)
