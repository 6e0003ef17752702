"""The prompts, chosen before any picture was drawn. The things are concepts of scripts/train/concepts.txt."""

import re
from pathlib import Path

GROUPS = {
    "stripes": """a rainbow, a bed, a ladder, a keyboard, a bus, a train, a zebra, a tiger, books, pancakes, a hamburger, a newspaper,
        an accordion, a high-speed train, a sandwich, a tram""",
    "small or thin": """a small bee, a small star, a small key, a small pushpin, a small ring, a small ant, a small coin, a small bell,
        a key, a pushpin, a ring, a paperclip, an ant, a pencil, a sword, a spoon""",
    "fine detail": """a pineapple, corn, a city, a watermelon, popcorn, salad, a pizza, a ferris wheel, a peacock, a circus tent, grapes,
        a house with garden, a strawberry, a roller coaster, fireworks, a party popper""",
    "plain and big": """a tomato, an egg, a red heart, a balloon, a lemon, a blue heart, a potato, an eggplant, a cloud, a water drop,
        a peach, a green heart, a mango, the full moon, a red apple, a tooth""",
}


def groups():
    """The prompts of each group."""
    return {name: [p.strip() for p in text.split(",")] for name, text in GROUPS.items()}


def interleaved(per_group=None):
    """(group, prompt) of the first per_group prompts of each group, the groups taking turns: the first n·groups have n of each."""
    lists = groups()
    most = min(map(len, lists.values()))
    return [(name, lists[name][i]) for i in range(min(per_group or most, most)) for name in lists]


def thing(prompt):
    """What a prompt shows: its text without article and size."""
    return re.sub(r"^(an?|the) ", "", prompt).removeprefix("small ")


def concepts(file):
    """The names that captions use, of a list like concepts.txt: "label" or "label = name" a line."""
    lines = (line for line in Path(file).read_text().splitlines() if line and not line.startswith("#"))
    return {(name or label).strip() for label, _, name in (line.partition("=") for line in lines)}
