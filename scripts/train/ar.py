"""Train the transformer on the corpus. A part of the batches is seen as a decode with a random
ZipAR window would see it. Starts with the text encoder of --work/text.pt; goes on from --work/ar.pt when that is there.

The learning rate stays at its peak until --decay-from and falls to zero at --steps: to train longer, raise both.
"""

import argparse
import contextlib
import pathlib
import time

import numpy as np
import torch
from torch.nn import functional as F

import captions
import checkpoints
import corpus
from ar_model import GRID, TOKENS, Plan, Transformer
from batches import in_order
from optimizers import Both

# How often each kind of scene is drawn; plain ones are single things in their own colour on white.
SHARES = {"plain": 0.20, "colour": 0.22, "background": 0.18, "colour background": 0.06, "small": 0.04, "count": 0.12, "pair": 0.18}
FLAT = 3  # how much more often a scene of the flat style is drawn, which captions mean that name none
WINDOWS = (1, 2, 3, 4, 5, 6, 8, 10, 12)
LONGEST = 32  # ids of a caption


def kind_of(scene):
    if scene["kind"] != "single":
        return scene["kind"]
    marks = [m for m, has in (("colour", scene["colour"]), ("background", scene["background"] != "white")) if has]
    return " ".join(marks) or "plain"


def padded(tokenizer, texts, width=0):
    """The ids [n, t] of captions, padded on the left to the longest or to a width, and the mask of those that are there."""
    ids = [e + [1] for e in tokenizer.encode(texts)]
    width = width or max(map(len, ids))
    out, real = np.zeros((len(ids), width), np.int64), np.zeros((len(ids), width), bool)
    for row, mask, e in zip(out, real, ids):
        row[width - len(e):], mask[width - len(e):] = e, True
    return torch.from_numpy(out), torch.from_numpy(real)


class Batches(torch.utils.data.Dataset):
    """What each step learns, by its number: a run that was cut goes on with the same batches."""

    def __init__(self, work, args, width):
        self.args, self.width = args, width
        self.codes = np.load(work / "codes.npy")
        self.scenes, self.tokenizer = corpus.read_scenes(work), corpus.read_tokenizer(work)
        self.of = {kind: [] for kind in SHARES}
        for i, s in enumerate(self.scenes):
            self.of[kind_of(s)] += [i] * (FLAT if s["style"] == "flat" else 1)
        self.of = {kind: np.array(numbers) for kind, numbers in self.of.items()}

    def __getitem__(self, step):
        """Codes [size, 256], caption ids [size, t] padded on the left, their mask, which captions are dropped, which tokens
        [size, 256] may not be read, and the window."""
        rng, size = np.random.default_rng([5, step]), self.args.batch
        kinds = rng.choice(list(SHARES), size, p=list(SHARES.values()))
        numbers = [of[rng.integers(len(of))] for of in (self.of[k] for k in kinds)]
        texts = [captions.caption(self.scenes[i], rng) for i in numbers]
        codes = torch.from_numpy(self.codes[numbers].astype(np.int64))
        window = int(rng.choice(WINDOWS)) if rng.random() < self.args.zipar else GRID
        # No token is hidden in most pictures, in a share of them any part. What a caption says is worth some 8 nats a picture,
        # 0.03 a token, if the tokens so far can be read: they show what it is. Where they cannot, it is worth twenty times that,
        # and the transformer learns to listen. In the end it learns with nothing hidden, as it will draw.
        share = self.args.hide * (1 - step / self.args.steps)
        part = np.where(rng.random(size) < share, rng.random(size) ** 0.5, 0)
        hidden = torch.from_numpy(rng.random((size, TOKENS)) < part[:, None])
        return codes, *padded(self.tokenizer, texts, self.width), torch.from_numpy(rng.random(size) < self.args.drop), hidden, window


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder with the corpus; ar.pt is written there")
    parser.add_argument("--steps", type=int, default=10_900, help="steps in all")
    parser.add_argument("--decay-from", type=int, default=2180, help="step from which the learning rate falls")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--muon-lr", type=float, default=0.015, help="learning rate of matrices")
    parser.add_argument("--lr", type=float, default=2e-3, help="learning rate of the rest")
    parser.add_argument("--weight-decay", type=float, default=0.1,
                        help="of matrices; it bounds their singular values, which Muon makes grow by the step, at about its inverse")
    parser.add_argument("--drop", type=float, default=0.05, help="share of captions dropped, for guidance")
    parser.add_argument("--zipar", type=float, default=0.3, help="share of batches seen through a window")
    parser.add_argument("--hide", type=float, default=0.5, help="share of pictures of which a random part is hidden, at first")
    parser.add_argument("--save-every", type=int, default=500)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bf16", action="store_true", help="multiply in bfloat16; right for CUDA, slower on a CPU")
    parser.add_argument("--compile", action="store_true", help="compile the layers: a minute more at the start, less for each step")
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare batches")
    args = parser.parse_args()
    torch.manual_seed(4)
    torch.set_flush_denormal(True)  # the momentum of what learns nothing fades to numbers that a CPU is slow with
    torch.backends.cuda.matmul.allow_tf32 = True
    # On CUDA captions are padded to one width: there is a compiled layer for each shape.
    batches = Batches(args.work, args, LONGEST if args.device == "cuda" else 0)
    model = Transformer(batches.tokenizer.vocab_size()).to(args.device)
    # The way from the caption to the prefix learns nothing more: with the transformer's rates all captions come to have
    # about the same prefix within 200 steps.
    learned = [(n, p) for n, p in model.named_parameters() if not n.startswith(("text.", "cls_embedding"))]
    optimizer = Both(learned, args.muon_lr, args.lr, args.weight_decay, adam_names=("tok_embeddings", "output"))
    file, start = args.work / "ar.pt", 0
    if saved := checkpoints.load(file, args.device):
        model.load_state_dict(saved["model"])
        if saved["optimizer"]:
            optimizer.load_state_dict(saved["optimizer"])
        start = saved["step"]
    elif saved := checkpoints.load(args.work / "text.pt", args.device):
        model.load_state_dict(saved["model"])
    else:
        raise SystemExit(f"{args.work / 'text.pt'}: there is no such file; text.py makes it")
    model.hold_text_heads()
    held = list(model.held())
    if args.compile:
        for layer in model.layers:
            layer.compile(dynamic=False)
    plans = {w: Plan(w, args.device) for w in (*WINDOWS, GRID)}
    # The first token decides on the background.
    weights = 1 + 7.0 * (torch.arange(TOKENS) == 0)
    weights = (weights / weights.mean()).to(args.device)
    bf16 = torch.autocast(args.device, torch.bfloat16) if args.bf16 else contextlib.nullcontext()

    began, mean, steps = time.time(), {}, range(start, args.steps)
    for step, (*batch, window) in zip(steps, in_order(batches, steps, args.workers, args.device)):
        tokens, ids, real, dropped, hidden = (t.to(args.device, non_blocking=True) for t in batch)
        with torch.no_grad():
            prefix = model.captions(ids, real, dropped)
        with bf16:
            logits = model(prefix, real, tokens, plans[window], hidden)
        losses = F.cross_entropy(logits.flatten(0, 1).float(), tokens.flatten(), reduction="none").view(tokens.shape)
        loss = (losses * weights).mean()
        optimizer.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter, part, _ in held:
                parameter.grad[part] = 0
        fall = (args.steps - step) / max(1, args.steps - args.decay_from)
        optimizer.step(min(1, (step + 1) / 100, fall))
        model.hold_text_heads(held)
        if step % 10 == 9:  # reading a number waits for the device
            some = batch[4].any(1).to(args.device)
            for kind, rows in (("ntp" if window == GRID else "zipar", ~some), ("hidden", some)):
                if rows.any():
                    value = losses.detach()[rows].mean().item()
                    mean[kind] = 0.9 * mean[kind] + 0.1 * value if kind in mean else value
        if (step + 1) % 50 == 0:
            print(f"step {step + 1}/{args.steps} " + " ".join(f"{k} {v:.4f}" for k, v in sorted(mean.items())) +
                  f" {(time.time() - began) / (step + 1 - start):.3f} s/step", flush=True)
        if (step + 1) % args.save_every == 0 or step + 1 == args.steps:
            checkpoints.save(file, model=model.state_dict(), optimizer=optimizer.state_dict(), step=step + 1)


if __name__ == "__main__":
    main()
