"""Make the text encoder compose: train it, with the caption's projection, to give a caption the sum of what its words mean.

text.py leaves an encoder that knows captions by heart: what sets "a rose on a blue background" apart from "a cat on a blue background"
has nothing to do with what sets "a rose" apart from "a cat", so that a transformer cannot take over a shape from one to the other. Here
every position of a prefix is to be

    thing + turned(second thing) + style + colour + background + number or place

A thing is the mean prefix that its plain captions had so far; the others are vectors of their own, at right angles to things and to each other.
Captions are drawn anew, of scenes that may be trained on; pictures are not needed. Changes --work/ar.pt if it is there, from which ar.py
goes on, else --work/text.pt.
"""

import argparse
import pathlib
import time

import numpy as np
import torch

import captions
import checkpoints
import corpus as scenes
import pictures
from ar import Corpus, padded
from ar_model import Transformer
from optimizers import Both
from text import mean

SHARES = {"plain": 0.3, "colour": 0.15, "background": 0.15, "colour background": 0.1, "small": 0.08, "count": 0.1, "pair": 0.12}


class Captions:
    """Captions of random scenes."""

    def __init__(self, work, tokenizer):
        self.tokenizer, self.sprites = tokenizer, pictures.Sprites(work)
        self.makers, self.rng = scenes.Scenes(self.sprites, seed=8), np.random.default_rng(9)
        self.plain = self.makers.plain()

    def scenes(self, size):
        """Random scenes that may be trained on, and a caption of each."""
        out = []
        while len(out) < size:
            kind = self.rng.choice(list(SHARES), p=list(SHARES.values()))
            s = self.plain[self.rng.integers(len(self.plain))] if kind == "plain" else self.makers.random(kind)
            if not captions.held_out(s):
                out.append(s)
        return out, [captions.caption(s, self.rng) for s in out]


class Meaning:
    """What scenes mean: vectors [n, dim]."""

    def __init__(self, model, source, device):
        things = source.sprites.concepts
        rng = np.random.default_rng(10)
        texts = [captions.caption(scenes.scene("single", [t], "flat"), rng) for t in things for _ in range(16)]
        ids, real = (x.to(device) for x in padded(source.tokenizer, texts))
        with torch.no_grad():
            prefix = mean(model.captions(ids, real, torch.zeros(len(texts), dtype=torch.bool, device=device)), real)
        self.things = prefix.view(len(things), 16, -1).mean(1)
        size = self.things.norm(dim=1).mean()
        # Directions at right angles to all things: half of those that are left for second things, the rest for all else.
        span = torch.linalg.qr(self.things.T).Q
        left = torch.linalg.svd(torch.eye(span.shape[0], device=device) - span @ span.T).U[:, :span.shape[0] - span.shape[1]]
        marks = [*captions.STYLES[1:], *captions.COLOURS, *(f"on {b}" for b in captions.BACKGROUNDS), *captions.NUMBERS, "small", "left", "above"]
        self.marks = dict(zip(marks, size * left[:, :len(marks)].T))
        n = min(span.shape[1], left.shape[1] - len(marks))
        self.turn = span[:, :n] @ left[:, len(marks):len(marks) + n].T  # of a first thing to a second one
        self.number, self.device = {t: i for i, t in enumerate(things)}, device

    def __call__(self, of):
        out = []
        for s in of:
            v = self.things[self.number[s["things"][0]]]
            if len(s["things"]) == 2:
                v = v + self.things[self.number[s["things"][1]]] @ self.turn
            on = None if s["background"] == "white" else "on " + s["background"]
            small = "small" if s["kind"] == "small" else None
            for mark in (s["style"], s["colour"], on, s["count"], s["relation"], small):
                if mark in self.marks:
                    v = v + self.marks[mark]
            out.append(v)
        return torch.stack(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder with the corpus and ar.pt or text.pt")
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--muon-lr", type=float, default=0.02, help="learning rate of matrices")
    parser.add_argument("--lr", type=float, default=3e-3, help="learning rate of the rest")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    torch.manual_seed(4)
    file = args.work / "ar.pt"
    if not file.exists():
        file = args.work / "text.pt"
    saved = checkpoints.load(file, args.device)
    tokenizer = Corpus(args.work).tokenizer
    model = Transformer(tokenizer.vocab_size()).to(args.device)
    model.load_state_dict(saved["model"])
    source = Captions(args.work, tokenizer)
    meaning = Meaning(model, source, args.device)
    optimizer = Both([(n, p) for n, p in model.named_parameters() if n.startswith(("text.", "cls_embedding.cap_proj"))],
                     args.muon_lr, args.lr, adam_names=("shared",))
    began, average = time.time(), None
    for step in range(args.steps):
        of, texts = source.scenes(args.batch)
        ids, real = (x.to(args.device) for x in padded(source.tokenizer, texts))
        want = meaning(of)
        prefix = model.captions(ids, real, torch.zeros(len(of), dtype=torch.bool, device=args.device))
        error = (prefix - want[:, None]).square().sum(-1)[real].mean() / want.square().sum(-1).mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step(min(1, (step + 1) / 50, (args.steps - step) / (0.8 * args.steps)))
        average = error.item() if average is None else 0.97 * average + 0.03 * error.item()
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}/{args.steps} error {average:.4f} {(time.time() - began) / (step + 1):.3f} s/step", flush=True)
    saved["model"] = model.state_dict()
    checkpoints.save(file, **saved)


if __name__ == "__main__":
    main()
