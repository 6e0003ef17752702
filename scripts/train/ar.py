"""Train the transformer on the corpus. A part of the batches is seen as a decode with a random
ZipAR window would see it. Starts with the text encoder of --work/text.pt; goes on from --work/ar.pt when that is there.

The learning rate stays at its peak until --decay-from and falls to zero at --steps: to train longer, raise both.
"""

import argparse
import collections
import json
import pathlib
import time

import numpy as np
import sentencepiece
import torch
from torch.nn import functional as F

import captions
import checkpoints
from ar_model import GRID, TOKENS, Plan, Transformer
from optimizers import Both

Mix = collections.namedtuple("Mix", "shares flat_plain flat_else")
# How often each kind of scene is drawn; plain ones are single things in their own colour on white. Scenes of the flat style, which
# captions mean that name none, count flat_plain or flat_else times as much as others. First the transformer learns things, then
# what can be made of them.
MIXES = [
    Mix({"plain": 0.60, "colour": 0.10, "background": 0.10, "colour background": 0.01, "small": 0.02, "count": 0.07, "pair": 0.10}, 12, 4),
    Mix({"plain": 0.22, "colour": 0.32, "background": 0.30, "colour background": 0.03, "small": 0.01, "count": 0.06, "pair": 0.06}, 8, 8),
]


def kind_of(scene):
    if scene["kind"] != "single":
        return scene["kind"]
    marks = [m for m, has in (("colour", scene["colour"]), ("background", scene["background"] != "white")) if has]
    return " ".join(marks) or "plain"


def padded(tokenizer, texts):
    """The ids [n, t] of captions, padded on the left, and the mask of those that are there."""
    ids = [e + [1] for e in tokenizer.encode(texts)]
    width = max(map(len, ids))
    out, real = np.zeros((len(ids), width), np.int64), np.zeros((len(ids), width), bool)
    for row, mask, e in zip(out, real, ids):
        row[width - len(e):], mask[width - len(e):] = e, True
    return torch.from_numpy(out), torch.from_numpy(real)


class Corpus:
    def __init__(self, work):
        self.codes = np.load(work / "codes.npy")
        self.scenes = [json.loads(line) for line in open(work / "scenes.jsonl")]
        self.tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(work / "tokenizer" / "spiece.model"))
        of = {}
        for i, s in enumerate(self.scenes):
            of.setdefault(kind_of(s), []).append(i)
        self.of = [{}, {}]  # by mix, by kind
        for mix, weighted in zip(MIXES, self.of):
            for kind, numbers in of.items():
                flat = [i for i in numbers if self.scenes[i]["style"] == "flat"]
                weighted[kind] = numbers + ((mix.flat_plain if kind == "plain" else mix.flat_else) - 1) * flat

    def batch(self, step, size, drop, mix=0):
        """Codes [size, 256], caption ids [size, t] padded on the left, their mask, and which captions are dropped, of
        MIXES[mix]."""
        rng = np.random.default_rng([5, step])
        kinds = rng.choice(list(MIXES[mix].shares), size, p=list(MIXES[mix].shares.values()))
        numbers = [of[rng.integers(len(of))] for of in (self.of[mix][k] for k in kinds)]
        texts = [captions.caption(self.scenes[i], rng) for i in numbers]
        codes = torch.from_numpy(self.codes[numbers].astype(np.int64))
        return codes, *padded(self.tokenizer, texts), torch.from_numpy(rng.random(size) < drop)


def hide(step, size, share):
    """Which tokens [size, TOKENS] may not be read: none in most pictures, in a share of them any part. What a caption says is
    worth some 8 nats a picture, 0.03 a token, if the tokens so far can be read: they show what it is. Where they cannot, it is
    worth twenty times that, and the transformer learns to listen."""
    rng = np.random.default_rng([7, step])
    part = np.where(rng.random(size) < share, rng.random(size) ** 0.5, 0)
    return torch.from_numpy(rng.random((size, TOKENS)) < part[:, None])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder with the corpus; ar.pt is written there")
    parser.add_argument("--steps", type=int, default=7100, help="steps in all")
    parser.add_argument("--decay-from", type=int, default=500, help="step from which the learning rate falls")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--muon-lr", type=float, default=0.008, help="learning rate of matrices")
    parser.add_argument("--lr", type=float, default=2e-3, help="learning rate of the rest")
    parser.add_argument("--weight-decay", type=float, default=0.05,
                        help="of matrices; it bounds their singular values, which Muon makes grow by the step, at about its inverse")
    parser.add_argument("--text-lr", type=float, default=0.0,
                        help="learning rate of the text encoder and the caption's projection, which text.py has trained")
    parser.add_argument("--drop", type=float, default=0.05, help="share of captions dropped, for guidance")
    parser.add_argument("--zipar", type=float, default=0.3, help="share of batches seen through a window")
    parser.add_argument("--things", type=int, default=2400, help="step from which compositions are drawn more often")
    parser.add_argument("--hide", type=float, default=0.5, help="share of pictures of which a random part is hidden")
    parser.add_argument("--hide-then", type=float, default=0.4, help="the same from step --things on")
    parser.add_argument("--save-every", type=int, default=250)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: PyTorch's choice)")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(4)
    torch.set_flush_denormal(True)  # the momentum of what learns nothing fades to numbers that a CPU is slow with
    corpus = Corpus(args.work)
    model = Transformer(corpus.tokenizer.vocab_size()).to(args.device)
    # The way from the caption to the prefix learns slowly or not at all: with the transformer's rates all captions come to have
    # about the same prefix within 200 steps.
    optimizer = Both(model.named_parameters(), args.muon_lr, args.lr, args.weight_decay, adam_names=("tok_embeddings", "output"),
                     slow_names=("text.", "cls_embedding"), slow_lr=args.text_lr)
    file, start = args.work / "ar.pt", 0
    if saved := checkpoints.load(file, args.device):
        model.load_state_dict(saved["model"])
        if saved["optimizer"]:
            optimizer.load_state_dict(saved["optimizer"])
        start = saved["step"]
    elif saved := checkpoints.load(args.work / "text.pt", args.device):
        model.load_state_dict(saved["model"])
    model.hold_text_heads()
    plans = {w: Plan(w, args.device) for w in range(1, GRID + 1)}
    # The first token decides on the background.
    weights = 1 + 7.0 * (torch.arange(TOKENS) == 0)
    weights = (weights / weights.mean()).to(args.device)
    windows = np.array([1, 2, 3, 4, 5, 6, 8, 10, 12])

    began, mean = time.time(), {}
    for step in range(start, args.steps):
        mix, share = (0, args.hide) if step < args.things else (1, args.hide_then)
        tokens, ids, real, dropped = (t.to(args.device) for t in corpus.batch(step, args.batch, args.drop, mix))
        rng = np.random.default_rng([6, step])
        window = int(rng.choice(windows)) if rng.random() < args.zipar else GRID
        hidden = hide(step, args.batch, share).to(args.device)
        logits = model(model.captions(ids, real, dropped), real, tokens, plans[window], hidden)
        losses = F.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none").view(tokens.shape)
        loss = (losses * weights).mean()
        optimizer.zero_grad()
        loss.backward()
        for parameter, part, _ in model.held():
            parameter.grad[part] = 0
        fall = (args.steps - step) / max(1, args.steps - args.decay_from)
        optimizer.step(min(1, (step + 1) / 100, fall))
        model.hold_text_heads()
        part = hidden.float().mean(1)
        for kind, rows in (("ntp" if window == GRID else "zipar", part == 0), ("hidden", part > 0)):
            if rows.any():
                value = losses.detach()[rows].mean().item()
                mean[kind] = 0.98 * mean[kind] + 0.02 * value if kind in mean else value
        if (step + 1) % 50 == 0:
            print(f"step {step + 1}/{args.steps} " + " ".join(f"{k} {v:.4f}" for k, v in sorted(mean.items())) +
                  f" {(time.time() - began) / (step + 1 - start):.2f} s/step", flush=True)
        if (step + 1) % args.save_every == 0 or step + 1 == args.steps:
            checkpoints.save(file, model=model.state_dict(), optimizer=optimizer.state_dict(), step=step + 1)


if __name__ == "__main__":
    main()
