"""Make the corpus that the transformer learns: scenes, drawn and turned into codes by the trained VQ. Writes to --work:

  codes.npy     uint16 [n, 256]
  scenes.jsonl  one scene a line, as captions.py describes it
  tokenizer/    spiece.model: a unigram vocabulary of the captions
"""

import argparse
import io
import json
import pathlib
import time

import numpy as np
import sentencepiece
import torch

import captions
import pictures
from vq_model import VQ

COLOURED = 0.25  # least share of a sprite's area that has a colour for it to take another


def scene(kind, things, style, colour=None, background="white", count=0, relation=""):
    return {"kind": kind, "things": things, "style": style, "colour": colour, "background": background, "count": count,
            "relation": relation}


class Scenes:
    """Random scenes that may be trained on."""

    def __init__(self, sprites, seed):
        self.sprites, self.rng = sprites, np.random.default_rng(seed)
        self.colourable = [k for k in sprites.of if k[1] in captions.STYLES
                           and pictures.main_hue(sprites.get(*k))[1] > COLOURED]

    def pick(self, of):
        return of[self.rng.integers(len(of))]

    def style(self):
        return "flat" if self.rng.random() < 0.55 else self.pick(captions.STYLES[1:])

    def plain(self):
        return [scene("single", [c], s) for c in self.sprites.concepts for s in captions.STYLES if (c, s) in self.sprites.of]

    def random(self, kind):
        style, concept = self.style(), self.pick(self.sprites.concepts)
        background = self.pick(captions.BACKGROUNDS) if self.rng.random() < 0.12 else "white"
        if kind in ("colour", "colour background"):
            while True:
                concept, style = self.pick(self.colourable)
                if style == "flat" or self.rng.random() < 0.4:
                    break
            background = self.pick(captions.BACKGROUNDS) if kind == "colour background" else "white"
            made = scene("single", [concept], style, colour=self.pick(captions.COLOURS), background=background)
        elif kind == "background":
            made = scene("single", [concept], style, background=self.pick(captions.BACKGROUNDS))
        elif kind == "small":
            made = scene("small", [concept], style, background=background)
        elif kind == "count":
            made = scene("count", [concept], style, count=int(self.rng.integers(2, 5)), background=background)
        else:
            other = self.pick(self.sprites.concepts)
            if other == concept:
                return self.random(kind)
            made = scene("pair", [concept, other], style, background=background,
                         relation="left" if self.rng.random() < 0.65 else "above")
        if any((c, style) not in self.sprites.of for c in made["things"]):
            return self.random(kind)
        return made


def draw(sprites, s):
    """A scene's picture [128, 128, 3] of float32 in 0..255."""
    of = [sprites.get(c, s["style"]) for c in s["things"]]
    if s["colour"]:
        of = [pictures.recolour(sprite, pictures.HUES[s["colour"]]) for sprite in of]
    background = pictures.BACKGROUNDS[s["background"]]
    if s["kind"] == "single":
        return pictures.single(of[0], background)
    if s["kind"] == "pair":
        return pictures.group(of, pictures.ABOVE if s["relation"] == "above" else pictures.PLACES[2], background)
    n = s["count"] or 1
    return pictures.group(of * n, pictures.PLACES[n], background)


def train_tokenizer(scenes, folder, pieces):
    rng = np.random.default_rng(11)
    lines = [captions.caption(s, rng) for s in scenes for _ in range(3)]
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
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder with the sprites and vq.pt")
    parser.add_argument("--scale", type=float, default=1.0, help="number of composed scenes; 1 is about 14,000")
    parser.add_argument("--pieces", type=int, default=420, help="size of the vocabulary")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()

    sprites = pictures.Sprites(args.work)
    makers = Scenes(sprites, seed=3)
    scenes = [s for s in makers.plain() if not captions.held_out(s)]
    numbers = {"colour": 3000, "background": 3000, "colour background": 1000, "small": 700, "count": 2400, "pair": 4000}
    for kind, n in numbers.items():
        wanted = len(scenes) + round(n * args.scale)
        while len(scenes) < wanted:
            if not captions.held_out(s := makers.random(kind)):
                scenes.append(s)
    train_tokenizer(scenes, args.work / "tokenizer", args.pieces)

    model = VQ().to(args.device, memory_format=torch.channels_last).eval()
    model.load_state_dict(torch.load(args.work / "vq.pt", map_location=args.device, weights_only=True)["model"])
    codes, began = [], time.time()
    with torch.no_grad():
        for i in range(0, len(scenes), 64):
            batch = torch.from_numpy(pictures.to_input([draw(sprites, s) for s in scenes[i:i + 64]])).to(args.device)
            codes.append(model.encode(batch.contiguous(memory_format=torch.channels_last)).flatten(1).cpu().numpy())
    np.save(args.work / "codes.npy", np.concatenate(codes).astype(np.uint16))
    with open(args.work / "scenes.jsonl", "w") as f:
        f.writelines(json.dumps(s) + "\n" for s in scenes)
    print(f"{len(scenes)} scenes in {time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
