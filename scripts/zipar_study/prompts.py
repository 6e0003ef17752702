"""The prompts, chosen before any picture was drawn. The things are concepts of scripts/train/concepts.txt."""

import re
from pathlib import Path

GROUPS = {
    "stripes": """a rainbow, a bus, a train, a hamburger, a bee, a tropical fish, a taxi, a fire truck, a laptop, a birthday cake,
        french fries, a ship, a cupcake, a hot dog, a truck, a tiger face""",
    "small or thin": """a small bee, a small star, a small key, a small coin, a small bell, a small spider, a small pencil, a small snail,
        a key, a pencil, scissors, a snake, a spider, an anchor, glasses, a wine glass""",
    "fine detail": """a pineapple, corn, a watermelon, a pizza, a castle, grapes, a strawberry, a turtle, a cactus, broccoli,
        a pine tree, a sunflower, a soccer ball, an owl, a robot, a ladybug""",
    "plain and big": """a tomato, a red heart, a balloon, a lemon, a blue heart, an eggplant, a cloud, a water drop, a peach,
        a green heart, the full moon, a red apple, the sun, a pear, a ghost, a yellow heart""",
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
