"""Train the text encoder, with the caption's projection, to give a caption the sum of what its words mean: every position of a
caption's prefix is to be

    thing + second thing + style + colour + background + number or place

where each of these has a vector of its own, at random, and all vectors of things are at right angles to all of second things and to the
rest. So what sets "a rose on a blue background" apart from "a rose" is what sets "a cat on a blue background" apart from "a cat", and a
transformer that has learnt both roses and blue backgrounds can draw one on the other. Captions are drawn anew at every step, of scenes
that may be trained on; pictures are not needed. Writes text.pt to --work; ar.py starts from it and leaves the encoder as it is.
"""

import argparse
import pathlib
import time

import numpy as np
import torch
from torch.nn import functional as F

import captions
import checkpoints
import corpus
import pictures
from ar import padded
from ar_model import Transformer
from batches import in_order
from optimizers import Both

SHARES = {"plain": 0.3, "colour": 0.12, "background": 0.12, "colour background": 0.1, "small": 0.08, "count": 0.1, "pair": 0.18}
# What is said of things: styles, colours, backgrounds, numbers (as int), sizes and places.
MARKS = [*captions.STYLES[1:], *captions.COLOURS, *(f"on {b}" for b in captions.BACKGROUNDS), *captions.NUMBERS, "small", "left", "above"]


class Batches(torch.utils.data.Dataset):
    """Captions of random scenes that may be trained on, by step number, and what they mean."""

    def __init__(self, work, args):
        self.args, self.makers = args, corpus.Scenes(pictures.Sprites(work), seed=8)
        self.tokenizer = corpus.read_tokenizer(work)
        things = self.makers.sprites.concepts
        self.parts = {p: i for i, p in enumerate([("first", t) for t in things] + [("second", t) for t in things] + MARKS)}

    def meaning(self, scene):
        """The numbers of what a scene means."""
        parts = [*zip(("first", "second"), scene["things"]), scene["style"], scene["colour"], f"on {scene['background']}", scene["count"],
                 scene["relation"], scene["kind"]]
        return [self.parts[p] for p in parts if p in self.parts]

    def __getitem__(self, step):
        """Ids [n, t] of captions, padded on the left, their mask, and what they mean: [n, parts], 1 for each part."""
        rng = self.makers.rng = np.random.default_rng([8, step])
        scenes = []
        while len(scenes) < self.args.batch:
            s = self.makers.random(rng.choice(list(SHARES), p=list(SHARES.values())))
            if not captions.held_out(s):
                scenes.append(s)
        means = torch.zeros(len(scenes), len(self.parts))
        for row, s in zip(means, scenes):
            row[self.meaning(s)] = 1
        return *padded(self.tokenizer, [captions.caption(s, rng) for s in scenes]), means


FIRST, SECOND = 96, 64  # axes of first and second things; with the marks' they are fewer than the encoder's channels


def vectors(things, dim):
    """What each part means, [2 things + marks, dim]: of length sqrt(dim). A second thing's vector is its first one's, cut and turned:
    so what is learnt of a word serves both."""
    generator = torch.Generator().manual_seed(10)
    axes = torch.linalg.qr(torch.randn(dim, dim, generator=generator)).Q.T * dim**0.5
    unit = F.normalize(torch.randn(things, FIRST, generator=generator), dim=1)
    turned = F.normalize(unit[:, :SECOND], dim=1)
    return torch.cat([unit @ axes[:FIRST], turned @ axes[FIRST:FIRST + SECOND], axes[-len(MARKS):]])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder with the sprites and the tokenizer")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--muon-lr", type=float, default=0.02, help="learning rate of matrices")
    parser.add_argument("--lr", type=float, default=3e-3, help="learning rate of the rest")
    parser.add_argument("--weight-decay", type=float, default=0.3,
                        help="of matrices; without it Muon makes them grow until the attention cannot learn any more")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=0, help="processes that write captions")
    args = parser.parse_args()
    torch.manual_seed(4)
    batches = Batches(args.work, args)
    model = Transformer(batches.tokenizer.vocab_size()).to(args.device)
    meaning = vectors(len(batches.makers.sprites.concepts), model.output.in_features).to(args.device)
    optimizer = Both([(n, p) for n, p in model.named_parameters() if n.startswith(("text.", "cls_embedding.cap_proj"))],
                     args.muon_lr, args.lr, args.weight_decay, adam_names=("shared",))
    file, start = args.work / "text.pt", 0
    if saved := checkpoints.load(file, args.device):
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        start = saved["step"]
    none = torch.zeros(args.batch, dtype=torch.bool, device=args.device)
    began, average, steps = time.time(), None, range(start, args.steps)
    for step, batch in zip(steps, in_order(batches, steps, args.workers, args.device)):
        ids, real, means = (t.to(args.device) for t in batch)
        want = means @ meaning
        error = (model.captions(ids, real, none) - want[:, None]).square().sum(-1)[real].mean() / want.square().sum(-1).mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step(min(1, (step + 1) / 50, (args.steps - step) / (0.8 * args.steps)))
        if step % 10 == 9:  # reading a number waits for the device
            average = 0.8 * average + 0.2 * error.item() if average else error.item()
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}/{args.steps} error {average:.4f} {(time.time() - began) / (step + 1 - start):.3f} s/step", flush=True)
        if (step + 1) % 500 == 0 or step + 1 == args.steps:
            checkpoints.save(file, model=model.state_dict(), optimizer=optimizer.state_dict(), step=step + 1)


if __name__ == "__main__":
    main()
