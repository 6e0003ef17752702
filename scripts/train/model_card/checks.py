"""What a program can see in a picture, uint8 [h, w, 3]: how much of the thing has a hue, the background's colour, how many things
there are; and how much two pictures differ."""

import numpy as np
import torch
from torch.nn import functional as F

import pictures

BORDER = 4  # width of the frame that the background is taken from
THING = 32  # levels, in the channel that differs most, by which a thing's pixel differs from the background
HUE = 30  # degrees within which a pixel counts as of the hue
HUE_SHARE = 0.5  # share of the coloured part that has to be of the hue
BACKGROUND = 35  # distance in RGB to the colour; the least distance of two backgrounds' colours is twice as much
PIECE = 0.15  # pieces smaller than this share of the largest are no things of their own


def background(picture):
    """The median of the picture's border, [3]."""
    inner = np.zeros(picture.shape[:2], bool)
    inner[BORDER:-BORDER, BORDER:-BORDER] = True
    return np.median(picture[~inner], axis=0)


def foreground(picture):
    """Where the picture is not background, [h, w]."""
    return np.abs(picture - background(picture)).max(axis=2) > THING


def hue_share(picture, hue):
    """The share of the thing's coloured part within HUE degrees of a hue, weighted by saturation and brightness as
    pictures.main_hue does. 0 if nothing is coloured."""
    colour = pictures.hsv(picture)
    weight = (colour[..., 1] / 255) * (colour[..., 2] / 255) * foreground(picture)
    weight[colour[..., 1] < 50] = 0
    difference = np.abs((colour[..., 0] * (360 / 255) - hue + 180) % 360 - 180)
    return float(weight[difference <= HUE].sum() / weight.sum()) if weight.any() else 0.0


def has_hue(picture, name):
    return hue_share(picture, pictures.HUES[name]) >= HUE_SHARE


def has_background(picture, name):
    return np.linalg.norm(background(picture) - pictures.BACKGROUNDS[name]) <= BACKGROUND


def pieces(picture):
    """How many connected pieces the foreground has, without the small ones."""
    left = foreground(picture)
    areas = []
    for start in zip(*np.nonzero(left)):
        if not left[start]:
            continue
        left[start] = False
        stack, area = [start], 0
        while stack:
            y, x = stack.pop()
            area += 1
            for at in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= at[0] < left.shape[0] and 0 <= at[1] < left.shape[1] and left[at]:
                    left[at] = False
                    stack.append(at)
        areas.append(area)
    return sum(a >= PIECE * max(areas) for a in areas)


def mse(a, b):
    """Mean squared differences of pictures [n, h, w, 3], [n]."""
    return ((a.astype(np.float64) - b) ** 2).mean(axis=(1, 2, 3))


def decibels(mse_):
    return 10 * np.log10(255**2 / mse_)


def ssim(a, b):
    """Structural similarity of the luma of pictures [n, h, w, 3] as Wang et al. (2004) define it, [n]: what zipar bench reports."""
    window = torch.exp(-(torch.arange(11, dtype=torch.float64) - 5) ** 2 / (2 * 1.5**2))
    window = (window / window.sum())[None, None]

    def blur(x):
        return F.conv2d(F.conv2d(x, window[..., None]), window[:, :, None])

    x, y = (torch.from_numpy(p @ np.array([0.299, 0.587, 0.114]))[:, None] for p in (a, b))
    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    s = (2 * mx * my + c1) * (2 * cov + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return s.mean(dim=(1, 2, 3)).numpy()
