"""Pictures from sprites: backgrounds, places and colours. Used by the VQ's training and by the corpus."""

import json

import numpy as np
from PIL import Image

SIZE = 128
CELL = 64  # side of a picture's quarter, in which small things stand
OBJECT = 60  # side of a thing in a cell

# Colour words and what they mean: backgrounds take the colour, things take its hue (degrees).
BACKGROUNDS = {
    "white": (255, 255, 255), "red": (214, 52, 56), "orange": (245, 146, 54), "yellow": (250, 214, 76), "green": (82, 168, 92),
    "blue": (66, 130, 214), "purple": (140, 92, 190), "pink": (246, 160, 192), "black": (28, 28, 32), "grey": (150, 152, 158),
}
HUES = {"red": 0, "orange": 28, "yellow": 50, "green": 120, "blue": 214, "purple": 275, "pink": 332}


class Sprites:
    def __init__(self, work):
        self.rgba = np.load(work / "sprites.npy", mmap_mode="r")
        self.index = json.loads((work / "sprites.json").read_text())
        self.of = {(s["concept"], s["style"]): i for i, s in enumerate(self.index) if s["concept"]}
        self.concepts = sorted({c for c, _ in self.of})

    def get(self, concept, style):
        return np.asarray(self.rgba[self.of[concept, style]])


def shrink(sprite, side):
    """A sprite's picture [side, side, 4]."""
    return np.asarray(Image.fromarray(sprite).convert("RGBa").resize((side, side), Image.LANCZOS).convert("RGBA"))


def canvas(background):
    return np.full((SIZE, SIZE, 3), background, np.float32)


def put(picture, sprite, x, y):
    """Lays a sprite over a picture [SIZE, SIZE, 3] of float32 in 0..255, in place."""
    h, w = sprite.shape[:2]
    alpha = sprite[..., 3:].astype(np.float32) / 255
    region = picture[y:y + h, x:x + w]
    region += alpha * (sprite[..., :3] - region)


def hsv(sprite):
    return np.asarray(Image.fromarray(sprite[..., :3]).convert("HSV")).astype(np.float32)


def main_hue(sprite):
    """The hue that most of a sprite has, in degrees, and the share of its area that is coloured."""
    colour = hsv(sprite)
    weight = (colour[..., 1] / 255) * (colour[..., 2] / 255) * (sprite[..., 3] / 255)
    weight[colour[..., 1] < 50] = 0
    area = (sprite[..., 3] > 128).sum()
    angle = colour[..., 0] * (2 * np.pi / 255)
    histogram, _ = np.histogram(angle, bins=36, range=(0, 2 * np.pi), weights=weight)
    smooth = histogram + np.roll(histogram, 1) + np.roll(histogram, -1)
    return (smooth.argmax() + 0.5) * 10, ((weight > 0.15).sum() / max(area, 1))


def recolour(sprite, hue):
    """Gives a sprite's coloured parts another hue (degrees); the differences of hue within it shrink to a quarter."""
    colour = hsv(sprite)
    main, _ = main_hue(sprite)
    difference = (colour[..., 0] * (360 / 255) - main + 180) % 360 - 180
    target = (hue + difference / 4) % 360
    if 20 <= hue <= 60:  # dark orange and yellow read as brown
        colour[..., 2] = np.where(colour[..., 1] > 50, 255 - (255 - colour[..., 2]) * 0.45, colour[..., 2])
    colour[..., 0] = np.where(colour[..., 1] > 40, target * (255 / 360), colour[..., 0])
    rgb = np.asarray(Image.fromarray(np.clip(np.round(colour), 0, 255).astype(np.uint8), "HSV").convert("RGB"))
    return np.concatenate([rgb, sprite[..., 3:]], axis=2)


def single(sprite, background):
    picture = canvas(background)
    put(picture, sprite, 0, 0)
    return picture


# Places of small things, in cells' corners, by number.
PLACES = {
    1: [(32, 32)],
    2: [(0, 32), (64, 32)],
    3: [(32, 0), (0, 64), (64, 64)],
    4: [(0, 0), (64, 0), (0, 64), (64, 64)],
}
ABOVE = [(32, 0), (32, 64)]


def group(sprites, places, background):
    """Small things, [OBJECT, OBJECT, 4] each, at their places."""
    picture = canvas(background)
    margin = (CELL - OBJECT) // 2
    for sprite, (x, y) in zip(sprites, places, strict=True):
        put(picture, sprite, x + margin, y + margin)
    return picture


def to_input(pictures):
    """float32 [n, 3, h, w] in [-1, 1] from [n, h, w, 3] in 0..255."""
    return np.ascontiguousarray(np.moveaxis(np.asarray(pictures, np.float32), -1, 1)) / 127.5 - 1
