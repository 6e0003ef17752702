"""What a picture may show and how a caption says it. A scene is a dictionary:

  kind        "single", "small", "count" or "pair"
  things      names of concepts, one or two
  style       of the art; "flat" is what a caption means that names none
  colour      hue that the things have, or None for their own
  background  "white" is what a caption means that names none
  count       2 to 4, for kind "count"
  relation    "left" or "above", for kind "pair": the first thing is left of, or above, the second
"""

import hashlib
import pathlib

STYLES = ("flat", "3d", "noto", "twemoji")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink")
BACKGROUNDS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "black", "grey")
NUMBERS = {2: "two", 3: "three", 4: "four"}

# Things that are no countable single objects, or more than one.
NO_ARTICLE = {
    "bacon", "beach", "blueberries", "books", "bread", "broccoli", "camping", "cheese", "cherries", "cherry blossom", "corn",
    "desert", "face in love", "fireworks", "french fries", "garlic", "glasses", "gloves", "grapes", "headphones", "jeans",
    "lightning", "noodles", "pancakes", "paw prints", "peanuts", "popcorn", "salad", "scissors", "snow-capped mountains",
    "soap", "socks", "soup", "spaghetti", "steak", "sunglasses", "sushi", "thumbs up", "yarn", "honey pot",
}
THE = {"sun", "earth", "full moon", "crescent moon", "sunset"}
IRREGULAR = {"sheep": "sheep", "deer": "deer", "fish": "fish", "tropical fish": "tropical fish", "squid": "squid",
             "shrimp": "shrimp", "mouse": "mice", "knife": "knives", "tooth": "teeth", "goose": "geese", "dice": "dice",
             "computer mouse": "computer mice", "wolf": "wolves", "scarf": "scarves", "cactus": "cacti"}


def article(phrase):
    return ("an " if phrase[0] in "aeiou" and not phrase.startswith(("uni", "ufo")) else "a ") + phrase


def plural(name):
    if name in IRREGULAR:
        return IRREGULAR[name]
    if name in NO_ARTICLE:
        return name
    if name.endswith(("s", "x", "ch", "sh")):
        return name + "es"
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    if name.endswith(("potato", "tomato", "mango", "volcano")):
        return name + "es"
    return name + "s"


def bare(name):
    """A name without the colour that it has in front: a "red apple" in blue is a "blue apple"."""
    first, _, rest = name.partition(" ")
    return rest if rest and first in COLOURS + ("gold", "black", "white") else name


def phrase(thing, colour, rng, small=False, big=False):
    words = bare(thing) if colour else thing
    adjectives = ([["small", "tiny", "little"][rng.integers(3)]] if small else []) + (["big"] if big else []) + ([colour] if colour else [])
    words = " ".join(adjectives + [words])
    if thing in NO_ARTICLE or rng.random() < 0.15:
        return words
    if thing in THE and not adjectives:
        return "the " + words
    return article(words)


def caption(scene, rng):
    """One of a scene's captions."""
    things, colour, style = scene["things"], scene["colour"], scene["style"]
    if scene["kind"] in ("single", "small"):
        small = scene["kind"] == "small"
        text = phrase(things[0], colour, rng, small, big=not small and rng.random() < 0.05)
    elif scene["kind"] == "count":
        name = plural(bare(things[0]) if colour else things[0])
        text = " ".join([NUMBERS[scene["count"]]] + ([colour] if colour else []) + [name])
    else:
        first, second = (phrase(t, None, rng) for t in things)
        if scene["relation"] == "left":
            forms = [f"{first} and {second}", f"{first} and {second}", f"{first} left of {second}",
                     f"{first} to the left of {second}", f"{second} right of {first}", f"{first} next to {second}"]
        else:
            forms = [f"{first} above {second}", f"{second} below {first}", f"{first} over {second}"]
        text = forms[rng.integers(len(forms))]
    if rng.random() < 0.1:
        text = ["a picture of ", "a drawing of ", "an emoji of "][rng.integers(3)] + text
    if scene["background"] != "white":
        text += " on " + article(scene["background"] + (" background" if rng.random() < 0.9 else ""))
    # The flat style need not be named.
    if style != "flat" or rng.random() < 0.15:
        place = rng.random()
        if place < 0.6:
            text += f", {style} style"
        elif place < 0.8:
            text += f", {style}"
        else:
            text = f"{style} style, {text}"
    elif rng.random() < 0.1:
        text += "."
    return text.lower()  # as prompts are


def key(*words):
    return " | ".join(words)


def parts(scene):
    """The combinations that a scene shows, each of which may be held out of training."""
    for thing in scene["things"]:
        if scene["style"] != "flat":
            yield key("style", thing, scene["style"])
        if scene["colour"]:
            yield key("colour", thing, scene["colour"])
        if scene["background"] != "white":
            yield key("background", thing, scene["background"])
    if scene["kind"] == "count":
        yield key("count", scene["things"][0], str(scene["count"]))
    if scene["kind"] == "pair":
        yield key("pair", *sorted(scene["things"]))


def fixed_held_out():
    lines = pathlib.Path(__file__).with_name("held_out.txt").read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


FIXED = fixed_held_out()


def held_out(scene):
    """Whether training must never see a scene: it shows one of the combinations of held_out.txt, or of a twentieth of all."""
    return any(p in FIXED or hashlib.sha1(p.encode()).digest()[0] < 13 for p in parts(scene))
