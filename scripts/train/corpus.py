"""Make the corpus that the transformer learns: which scenes there are, and the vocabulary of their captions. Writes to --work:

  scenes.jsonl  one scene a line, as captions.py describes it; codes.py draws them
  tokenizer/    spiece.model: a unigram vocabulary of the captions
"""

import argparse
import functools
import io
import json
import pathlib

import numpy as np
import sentencepiece

import captions
import pictures

COLOURED = 0.25  # least share of a sprite's area that has a colour for it to take another
# How many random scenes of each kind there are; of single things with a style and a colour or a background there are all.
RANDOM = {"colour background": 30_000, "small": 5_000, "count": 15_000, "pair": 60_000}


def scene(kind, things, style, colour=None, background="white", count=0, relation=""):
    return {"kind": kind, "things": things, "style": style, "colour": colour, "background": background, "count": count,
            "relation": relation}


class Scenes:
    """Scenes of sprites; held_out of captions says which may be trained on."""

    def __init__(self, sprites, seed):
        self.sprites, self.rng = sprites, np.random.default_rng(seed)
        self.drawn = [k for k in sprites.of if k[1] in captions.STYLES]  # (concept, style)
        self.colourable = [k for k in self.drawn if pictures.main_hue(sprites.get(*k))[1] > COLOURED]

    def pick(self, of):
        return of[self.rng.integers(len(of))]

    def all(self, kind):
        """All scenes of a kind: "plain", "colour" or "background"."""
        if kind == "colour":
            return [scene("single", [c], s, colour=w) for c, s in self.colourable for w in captions.COLOURS]
        if kind == "background":
            return [scene("single", [c], s, background=w) for c, s in self.drawn for w in captions.BACKGROUNDS]
        return [scene("single", [c], s) for c, s in self.drawn]

    def random(self, kind):
        """A random scene of a kind: one of RANDOM's, or of those of all."""
        if kind in ("plain", "background"):
            concept, style = self.pick(self.drawn)
            return scene("single", [concept], style, background=self.pick(captions.BACKGROUNDS) if kind == "background" else "white")
        if kind in ("colour", "colour background"):
            concept, style = self.pick(self.colourable)
            background = self.pick(captions.BACKGROUNDS) if kind == "colour background" else "white"
            return scene("single", [concept], style, colour=self.pick(captions.COLOURS), background=background)
        concept, style = self.pick(self.drawn)
        background = self.pick(captions.BACKGROUNDS) if self.rng.random() < 0.2 else "white"
        if kind == "small":
            return scene("small", [concept], style, background=background)
        if kind == "count":
            return scene("count", [concept], style, count=int(self.rng.integers(2, 5)), background=background)
        while True:
            other = self.pick(self.sprites.concepts)
            if other != concept and (other, style) in self.sprites.of:
                break
        relation = "left" if self.rng.random() < 0.65 else "above"
        return scene("pair", [concept, other], style, background=background, relation=relation)


@functools.lru_cache(maxsize=4096)
def thing(sprites, concept, style, colour, side):
    """A thing's picture [side, side, 4]."""
    sprite = sprites.get(concept, style)
    if colour:
        sprite = pictures.recolour(sprite, pictures.HUES[colour])
    return sprite if side == pictures.SIZE else pictures.shrink(sprite, side)


def draw(sprites, s):
    """A scene's picture [128, 128, 3] of float32 in 0..255."""
    background = pictures.BACKGROUNDS[s["background"]]
    single = s["kind"] == "single"
    of = [thing(sprites, c, s["style"], s["colour"], pictures.SIZE if single else pictures.OBJECT) for c in s["things"]]
    if single:
        return pictures.single(of[0], background)
    if s["kind"] == "pair":
        return pictures.group(of, pictures.ABOVE if s["relation"] == "above" else pictures.PLACES[2], background)
    n = s["count"] or 1
    return pictures.group(of * n, pictures.PLACES[n], background)


def draw_all(sprites, scenes):
    """The scenes' pictures, uint8 [n, 128, 128, 3]."""
    return np.stack([np.clip(np.round(draw(sprites, s)), 0, 255).astype(np.uint8) for s in scenes])


def read_scenes(work):
    """The scenes that the transformer learns."""
    with open(work / "scenes.jsonl") as f:
        return [json.loads(line) for line in f]


def read_tokenizer(work):
    return sentencepiece.SentencePieceProcessor(model_file=str(work / "tokenizer" / "spiece.model"))


def train_tokenizer(scenes, folder, pieces):
    rng = np.random.default_rng(11)
    # Plurals are in few captions, but each of them should be few pieces.
    lines = [captions.caption(s, rng) for s in scenes for _ in range(5 if s["kind"] == "count" else 1)]
    model = io.BytesIO()
    # T5's ids and normaliser: <pad> 0, </s> 1, <unk> 2.
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=pieces, model_type="unigram", pad_id=0, eos_id=1,
        unk_id=2, bos_id=-1, pad_piece="<pad>", eos_piece="</s>", unk_piece="<unk>", normalization_rule_name="nmt_nfkc",
        required_chars="abcdefghijklmnopqrstuvwxyz0123456789.,-'", minloglevel=2)
    folder.mkdir(exist_ok=True)
    (folder / "spiece.model").write_bytes(model.getvalue())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder with the sprites")
    parser.add_argument("--scale", type=float, default=1.0, help="number of random scenes; 1 is 110,000")
    parser.add_argument("--pieces", type=int, default=880, help="size of the vocabulary")
    args = parser.parse_args()

    makers = Scenes(pictures.Sprites(args.work), seed=3)
    scenes = [s for kind in ("plain", "colour", "background") for s in makers.all(kind) if not captions.held_out(s)]
    for kind, n in RANDOM.items():
        wanted = len(scenes) + round(n * args.scale)
        while len(scenes) < wanted:
            if not captions.held_out(s := makers.random(kind)):
                scenes.append(s)
    train_tokenizer(scenes, args.work / "tokenizer", args.pieces)
    with open(args.work / "scenes.jsonl", "w") as f:
        f.writelines(json.dumps(s) + "\n" for s in scenes)
    print(f"{len(scenes)} scenes")


if __name__ == "__main__":
    main()
