"""Which scenes the card compares: some that training has seen, some whose combination it never saw."""

import json

import numpy as np

import captions
import corpus
import pictures

from .checks import pieces

KINDS = ("style", "colour", "background", "pair", "count")


class Usual:
    """A stand-in for random numbers with which captions.caption writes the commonest caption of a scene."""

    def random(self):
        return 0.5

    def integers(self, *_):
        return 0


def caption(scene):
    return captions.caption(scene, Usual())


def plain(concepts, style="flat"):
    return [corpus.scene("single", [c], style) for c in concepts]


def candidates(kind, sprites):
    """All scenes that show one combination of this kind and nothing else besides."""
    flat = [c for c in sprites.concepts if (c, "flat") in sprites.of]
    if kind == "style":
        return [corpus.scene("single", [c], s) for c, s in sprites.of if s in captions.STYLES[1:]]
    if kind == "colour":
        return [corpus.scene("single", [c], "flat", colour=w) for c in flat for w in captions.COLOURS
                if pictures.main_hue(sprites.get(c, "flat"))[1] > corpus.COLOURED]
    if kind == "background":
        return [corpus.scene("single", [c], "flat", background=w) for c in flat for w in captions.BACKGROUNDS]
    if kind == "pair":
        return [corpus.scene("pair", [a, b], "flat", relation="left") for a in flat for b in flat if a != b]
    return [corpus.scene("count", [c], "flat", count=n) for c in flat for n in captions.NUMBERS]


def choose(kind, sprites, trained, n):
    """At most n scenes of the corpus and as many that are held out, by a fixed seed; of the latter, first those that held_out.txt names.

    Things to be counted are such that one of them, alone, is one piece."""
    in_corpus = {json.dumps(s) for s in trained}
    rng = np.random.default_rng([12, KINDS.index(kind)])
    every = candidates(kind, sprites)
    every = [every[i] for i in rng.permutation(len(every))]
    named = [s for s in every if not captions.FIXED.isdisjoint(captions.parts(s))]
    held_out = named + [s for s in every if s not in named and captions.held_out(s)]
    out = []
    for scenes in ([s for s in every if json.dumps(s) in in_corpus], held_out):
        chosen, taken = [], set()
        for s in scenes:
            parts = frozenset(captions.parts(s))  # a pair is the same in both orders
            if len(chosen) == n or parts in taken:
                continue
            if kind == "count" and pieces(corpus.draw_all(sprites, [corpus.scene("count", s["things"], "flat", count=1)])[0]) != 1:
                continue
            taken.add(parts)
            chosen.append(s)
        out.append(chosen)
    n = min(map(len, out))
    if n == 0:
        raise SystemExit(f"{kind}: there are no scenes to choose of")
    return [[chosen[i] for i in rng.permutation(n)] for chosen in out]
