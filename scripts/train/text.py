"""Give the text encoder a start: train it, with the caption's projection, to predict a picture's codes from its caption alone.

A transformer of images learns what follows from the tokens so far long before it listens to a caption, and by then no layer makes
room for one. Here nothing but the caption can lower the loss: a small head, which is thrown away afterwards, predicts the code of
every position from the mean of the prefix. In the end the projection is changed so that the prefixes of captions fill all directions
alike. Writes text.pt to --work; ar.py starts from it. Goes on from it when it is there.
"""

import argparse
import pathlib
import time

import torch
from torch import nn
from torch.nn import functional as F

import checkpoints
from ar import Corpus
from ar_model import TOKENS, RMSNorm, Transformer


def mean(prefix, real):
    """The mean [n, dim] of prefixes [n, p, dim], over the positions where real [n, p]."""
    return (prefix * real[..., None]).sum(1) / real.sum(1, keepdim=True)


class Guess(nn.Module):
    """logits [n, TOKENS, codes] of pictures, each position for itself, of prefixes [n, p, dim] where real [n, p]."""

    def __init__(self, dim, codes=1024):
        super().__init__()
        self.norm = RMSNorm(dim, 1e-5)
        self.scale, self.shift = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.place, self.output = nn.Parameter(torch.randn(TOKENS, dim)), nn.Linear(dim, codes)
        nn.init.zeros_(self.output.weight)

    def forward(self, prefix, real):
        z = mean(self.norm(prefix), real)
        h = self.scale(z)[:, None] * self.place + self.shift(z)[:, None]
        return self.output(F.silu(h))


@torch.no_grad()
def whiten(model, corpus, device):
    """Changes the last matrix of the projection so that the second moments of captions' mean prefixes are about equal in all
    directions, and a prefix has about the norm sqrt(dim). What is learned leaves prefixes 95% the same, and a transformer that
    learns from such inputs takes the common part and leaves the rest."""
    means = []
    for step in range(64):
        _, ids, real, dropped = (t.to(device) for t in corpus.batch(10**6 + step, 64, 0.1))
        means.append(mean(model.captions(ids, real, dropped), real))
    means = torch.cat(means)
    values, vectors = torch.linalg.eigh(means.T @ means / len(means))
    fc2 = model.cls_embedding.cap_proj.fc2.weight
    fc2.copy_(vectors @ torch.diag((values + 0.01 * values.mean()) ** -0.5) @ vectors.T @ fc2)
    _, ids, real, dropped = (t.to(device) for t in corpus.batch(10**6, 64, 0))
    fc2.mul_(model.captions(ids, real, dropped)[real].square().mean() ** -0.5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder with the corpus; text.pt is written there")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--drop", type=float, default=0.1, help="share of captions dropped, for guidance")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    torch.manual_seed(4)
    corpus = Corpus(args.work)
    model = Transformer(corpus.tokenizer.vocab_size()).to(args.device)
    guess = Guess(model.output.in_features).to(args.device)
    learned = [p for n, p in model.named_parameters() if n.startswith(("text.", "cls_embedding"))] + list(guess.parameters())
    optimizer = torch.optim.AdamW(learned, lr=args.lr, betas=(0.9, 0.98), weight_decay=0.02)
    file, start = args.work / "text.pt", 0
    if saved := checkpoints.load(file, args.device):
        model.load_state_dict(saved["model"])
        guess.load_state_dict(saved["guess"])
        optimizer.load_state_dict(saved["optimizer"])
        start = saved["step"]
    began, average = time.time(), None
    for step in range(start, args.steps):
        tokens, ids, real, dropped = (t.to(args.device) for t in corpus.batch(step, args.batch, args.drop))
        loss = F.cross_entropy(guess(model.captions(ids, real, dropped), real).flatten(0, 1), tokens.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1, (step + 1) / 50, (args.steps - step) / (0.4 * args.steps))
        optimizer.step()
        average = loss.item() if average is None else 0.96 * average + 0.04 * loss.item()
        if (step + 1) % 50 == 0:
            print(f"step {step + 1}/{args.steps} loss {average:.4f} {(time.time() - began) / (step + 1 - start):.2f} s/step", flush=True)
        if (step + 1) % 250 == 0 and step + 1 < args.steps:
            checkpoints.save(file, model=model.state_dict(), guess=guess.state_dict(), optimizer=optimizer.state_dict(), step=step + 1)
    if start < args.steps:
        whiten(model, corpus, args.device)
        checkpoints.save(file, model=model.state_dict(), guess=guess.state_dict(), optimizer=optimizer.state_dict(), step=args.steps)


if __name__ == "__main__":
    main()
