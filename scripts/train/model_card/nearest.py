"""The drawn training picture that is most like a picture: the least distance of the two at 32x32 pixels."""

import multiprocessing

import numpy as np
import torch

import corpus
import pictures

from .store import digest

SIDE = 32
NEAR = 16  # root mean square difference, in levels of 255, up to which a picture counts as a near-copy


def shrink(of):
    """Pictures [n, h, w, 3] as uint8 [n, SIDE, SIDE, 3]: means of squares."""
    n, h, w, _ = of.shape
    return np.round(of.reshape(n, SIDE, h // SIDE, SIDE, w // SIDE, 3).astype(np.float32).mean(axis=(2, 4))).astype(np.uint8)


def _open(work):
    global _sprites
    _sprites = pictures.Sprites(work)


def _draw(scene):
    return shrink(corpus.draw(_sprites, scene)[None])[0]


class Nearest:
    def __init__(self, work, store, scenes, processes):
        self.scenes = scenes

        def draw():
            with multiprocessing.Pool(processes, _open, (work,)) as pool:
                return np.stack(pool.map(_draw, scenes, 64))

        inputs = [scenes, digest(work / "sprites.npy"), digest(corpus.__file__), digest(pictures.__file__), SIDE]
        self.small = store.array("training-pictures", inputs, draw)
        self.styles = np.array([s["style"] for s in scenes])
        self.plain = np.array([s["kind"] == "single" and not s["colour"] and s["background"] == "white" for s in scenes])

    def find(self, of, styles, others_than=None):
        """For pictures [n, h, w, 3] that should have these styles: the number of the most similar scene among those of the same
        style and all plain ones, and the root mean square difference in levels; others_than leaves a scene out for each."""
        a, b = self.unit(shrink(of)), self.unit(self.small)
        squares = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.t()
        for i, style in enumerate(styles):
            squares[i, torch.from_numpy(~(self.plain | (self.styles == style)))] = torch.inf
            if others_than is not None:
                squares[i, others_than[i]] = torch.inf
        best = squares.min(1)
        distance = (best.values.clamp(min=0) / a.shape[1]).sqrt() * 127.5
        return best.indices.numpy(), distance.numpy()

    @staticmethod
    def unit(small):
        return torch.from_numpy(small.reshape(len(small), -1)).float() / 127.5 - 1
