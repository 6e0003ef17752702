#!/usr/bin/env python3
"""Writes captions.txt.gz: 6,000 captions of images that do not exist, one a line.

The words and patterns below are all there is to them; a third of the captions
carry the kind of litter that captions from web pages have. Run: ./captions.py
"""
import gzip
import os
import random

ANIMALS = """corgi tabby cat|heron|red fox|tortoise|hedgehog|bumblebee|snow leopard|barn owl|octopus|donkey|hummingbird
|koi carp|llama|goose|iguana|Highland cow|sea otter|mantis shrimp|pangolin|raccoon|Przewalski's horse|jellyfish"""
THINGS = """teapot|lighthouse|wristwatch|typewriter|accordion|bicycle|lantern|umbrella|suitcase|globe|chess set|violin
|pocket knife|telescope|rocking chair|grandfather clock|paper boat|birdcage|hot-air balloon|tram|espresso machine|kite
|stained-glass window|wheelbarrow|jar of honey|bowl of ramen|slice of blueberry pie|stack of pancakes|café sign
|piñata|bonsai|jukebox|sewing machine|phone box|weather vane|fountain pen|T-shirt|neon sign|whiteboard|traffic light"""
PEOPLE = """an old fisherman|a girl in a yellow raincoat|two astronauts|the village baker|a street musician
|a crowd of commuters|a toddler|a beekeeper|three nuns|a ballet dancer|an Olympic rower|a chef|someone in a bear costume"""
PLACES = """on a cobbled street|in a foggy harbour|beside a frozen lake|at the edge of a cliff|under a railway bridge
|in a greenhouse|on the roof of a skyscraper|inside a cathedral|in the Sahara|by the Seine|near Mount Fuji|in São Paulo
|on Mars|in an empty swimming pool|behind the counter of a shop|in a wheat field|at Times Square|in Reykjavík
|in a library full of maps|on a kitchen table|among the ruins of Palmyra|below the northern lights"""
ADJECTIVES = """tiny|enormous|rusty|translucent|crimson|moss-covered|hand-painted|sleepy|broken|golden|knitted|floating
|half-eaten|upside-down|old-fashioned|glowing|striped|polka-dot|marble|wooden|low-poly|melancholy|baroque|symmetrical"""
STYLES = """watercolour|oil painting|35mm photograph|charcoal sketch|pixel art|woodcut|isometric render|long exposure
|blueprint|collage|linocut print|children's book illustration|macro shot|ukiyo-e|cyberpunk concept art|tilt-shift photo
|art nouveau poster|cross-stitch|claymation still|X-ray|infrared photo|medieval tapestry"""
LIGHTS = """at dawn|at golden hour|in heavy rain|under a full moon|lit by candles|in harsh noon light|through a fisheye lens
|with shallow depth of field|against a plain white background|seen from above|reflected in a puddle|in the snow"""
SIGNS = """Hello World|open 24/7|mind the gap|NO PARKING|50% off!|E=mc²|Let's go|café crème|to be, or not to be|π ≈ 3.14
|Do not disturb|¿Qué?|Grüße aus Köln|1 + 1 = 2|wet paint|SALE|est. 1893|Nº 5"""
VERBS = """is balancing|stands next to|chases|stares at|sleeps on top of|is carved into|flies over|hides behind|wears
|is reading about|plays the|is made entirely of|leans against|dreams of"""
COUNTS = "a|one|two|three|a dozen|seven|hundreds of|10|a pair of|no".split("|")

LITTER = [
    "{c} http://www.example.com/{n}", "{c} - photo by @{w}_{n}", "{c} #{n}", "#{w} #{x} {c}", "<b>{c}</b><br/>",
    "{c} &amp; {w}", "{c} | {x} | free shipping", "IMG_{n}.JPG {c}", "{c} ({n}x{m} px)", "{C}!!!", "\"{c}\"",
    "«{c}»", "{c}... {w}", "{c} — {x}", "{c} [{n}]", "download free {c} png images", "{c} : {w} : {x}", "{c},{w},{x}",
    "{w}-{x}-{c}-{w}-{x}", "{w}_{x}_{c}_{w}_{x}", "{c} page {m}", "{c} item jc{n}", "{c} ref {n}ab{m}", "{c}%20{w}",
    "{w}+{x}: {c}", "click on {w} {c}", "“{c}”", "‘{c}’", "{c} ｆｕｌｌ ｗｉｄｔｈ", "{c} 猫と犬", "{c} ¡{w}! ¿{x}?", "<p class=x>{c}",
    "{c} a2b{m}c4", "{c}  {w}\t{x} ", "{c}.{w}", "'{c}'", ":{c}:", "{c} &#{m};", "{c} 10:30 ", "{c} from {w}.co.uk",
    "{c} 192.168.0.{m}", "{c} worldwide shipping", "{c} /// {w} /// {x}", "{c} ~*~ {w} ~*~", "{c}\\n{w}", "{c} ½ price ©{n}",
    "{c} 😀🎨", "{c} ™ {w}®", "{c} (see {w}.pdf)", "{c} &lt;{w}&gt;", "3/4 {c}", "{c} – {n} × {m} cm",
]


def words(text):
    return text.replace("\n", "").split("|")


def main():
    rnd = random.Random(20240607)
    pick = lambda text: rnd.choice(words(text))

    def noun():
        return pick(rnd.choice([ANIMALS, THINGS]))

    def caption():
        kind = rnd.randrange(7)
        if kind == 0:
            text = f"{rnd.choice(COUNTS)} {pick(ADJECTIVES)} {noun()} {pick(PLACES)}"
        elif kind == 1:
            text = f"{pick(PEOPLE)} {pick(PLACES)}, {pick(STYLES)}"
        elif kind == 2:
            text = f"A {pick(STYLES)} of {rnd.choice(COUNTS)} {noun()} and a {pick(ADJECTIVES)} {noun()} {pick(LIGHTS)}."
        elif kind == 3:
            text = f"the {noun()} {pick(VERBS)} a {pick(ADJECTIVES)}, {pick(ADJECTIVES)} {noun()}"
        elif kind == 4:
            text = f"A {pick(THINGS)} that reads '{pick(SIGNS)}' {pick(PLACES)}"
        elif kind == 5:
            text = (f"{pick(STYLES)}: {pick(PEOPLE)} with a {noun()}; {pick(LIGHTS)}. The {noun()} {pick(VERBS)} "
                    f"the {pick(ADJECTIVES)} {noun()} {pick(PLACES)}.")
        else:
            text = noun()
        return text[0].upper() + text[1:] if rnd.random() < 0.6 else text

    seen = {}
    while len(seen) < 6000:
        text = caption()
        if len(seen) % 3 == 0:
            text = rnd.choice(LITTER).format(c=text, C=text.upper(), w=pick(THINGS).split()[-1], x=pick(ADJECTIVES),
                                             n=rnd.choice([7, 42, 640, 1920, 12345, 20240607]), m=rnd.randrange(1, 1200))
        seen[text] = None
    name = os.path.join(os.path.dirname(os.path.abspath(__file__)), "captions.txt.gz")
    with open(name, "wb") as f, gzip.GzipFile("", "wb", 9, f, 0) as z:
        z.write("".join(text + "\n" for text in seen).encode())


if __name__ == "__main__":
    main()
