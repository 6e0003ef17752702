"""Train the VQ image tokenizer on sprites: first as a plain autoencoder, then with its codebook (started by k-means on the
encoder's outputs), on 64x64 crops, and last on whole pictures. With --decoder-only, only the decoder goes on learning: the
codes of every picture stay what they are, so a transformer that has learnt them stays valid.

Goes on from --work/vq.pt when that is there.
"""

import argparse
import pathlib
import time

import numpy as np
import torch
from torch.nn import functional as F

import checkpoints
import pictures
from batches import in_order
from optimizers import Both
from vq_model import VQ

CROP = 64
HELD_OUT = 20  # every 20th sprite is never trained on


class Batches(torch.utils.data.Dataset):
    """Random pictures of all sprites of all styles, by step number: a run that was cut goes on with the same ones."""

    def __init__(self, work, args):
        self.sprites, self.args = pictures.Sprites(work), args
        numbers = np.arange(len(self.sprites.index))
        self.train, self.held_out = numbers[numbers % HELD_OUT != 0], numbers[numbers % HELD_OUT == 0]

    def picture(self, rng):
        background = (255, 255, 255)
        if rng.random() < 0.35:
            background = list(pictures.BACKGROUNDS.values())[rng.integers(len(pictures.BACKGROUNDS))]

        def sprite():
            s = np.asarray(self.sprites.rgba[rng.choice(self.train)])
            if rng.random() < 0.25:
                s = pictures.recolour(s, list(pictures.HUES.values())[rng.integers(len(pictures.HUES))])
            return s

        if rng.random() < 0.6:
            return pictures.single(sprite(), background)
        places = pictures.PLACES[rng.integers(1, 5)]
        return pictures.group([pictures.shrink(sprite(), pictures.OBJECT) for _ in places], places, background)

    def batch(self, step, size, crop):
        rng = np.random.default_rng([7, step])
        out = []
        for _ in range(size):
            p = self.picture(rng)
            if crop:
                # Of three places, the one with most to see.
                corners = rng.integers(0, pictures.SIZE - CROP + 1, (3, 2))
                crops = [p[y:y + CROP, x:x + CROP] for y, x in corners]
                p = max(crops, key=lambda c: np.abs(np.diff(c, axis=0)).mean())
            out.append(p)
        return torch.from_numpy(pictures.to_input(out))

    def __getitem__(self, step):
        crop = step < self.args.plain_steps + self.args.crop_steps
        return self.batch(step, self.args.batch if crop else self.args.batch // 2, crop)

    def check_batch(self):
        return torch.from_numpy(pictures.to_input([
            pictures.single(np.asarray(self.sprites.rgba[i]), (255, 255, 255)) for i in self.held_out[::3][:96]]))


def distortion(x, y):
    """L1 of pixels and of the differences of neighbours, at two scales."""
    loss = 0
    for scale in range(2):
        d = y - x
        loss = loss + d.abs().mean()
        for dim in (2, 3):
            loss = loss + 0.5 * d.diff(dim=dim).abs().mean()
        x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    return loss + 0.5 * (d * d).mean()


def psnr(model, x):
    with torch.no_grad():
        errors = [((model.decode(model.encode(p)).clamp(-1, 1) - p) / 2).square().mean(dim=(1, 2, 3)) for p in x.split(16)]
    return (-10 * torch.log10(torch.cat(errors))).mean().item()


def kmeans(vectors, k, generator, rounds=12):
    """k unit vectors that stand for the unit vectors [n, d]."""
    centres = vectors[torch.randperm(len(vectors), generator=generator)[:k]]
    for _ in range(rounds):
        nearest = torch.cat([(v @ centres.t()).argmax(1) for v in vectors.split(8192)])
        sums = torch.zeros_like(centres).index_add_(0, nearest, vectors)
        empty = torch.bincount(nearest, minlength=k) == 0
        sums[empty] = vectors[torch.randperm(len(vectors), generator=generator)[:int(empty.sum())]]
        centres = F.normalize(sums, dim=1)
    return centres


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder with the sprites; vq.pt is written there")
    parser.add_argument("--plain-steps", type=int, default=150, help="steps as a plain autoencoder")
    parser.add_argument("--crop-steps", type=int, default=850, help="steps with the codebook on crops")
    parser.add_argument("--full-steps", type=int, default=1000, help="steps on whole pictures")
    parser.add_argument("--batch", type=int, default=96, help="crops a step; whole pictures are half as many")
    parser.add_argument("--muon-lr", type=float, default=0.02, help="highest learning rate of the convolutions")
    parser.add_argument("--lr", type=float, default=3e-3, help="highest learning rate of the rest")
    parser.add_argument("--decoder-only", type=int, default=0, metavar="STEPS",
                        help="after the rest, train only the decoder for so many steps on whole pictures")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw pictures")
    args = parser.parse_args()
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    generator = torch.Generator().manual_seed(2)
    data = Batches(args.work, args)
    model = VQ().to(args.device, memory_format=torch.channels_last)
    check = data.check_batch().to(args.device)
    file = args.work / "vq.pt"
    quantized_from = args.plain_steps
    main_steps = args.plain_steps + args.crop_steps + args.full_steps
    total = main_steps + args.decoder_only
    start = 0
    if saved := checkpoints.load(file, args.device):
        model.load_state_dict(saved["model"])
        start = saved["step"]

    def make_optimizer(decoder_only):
        named = (model.decoder if decoder_only else model).named_parameters()
        return Both(named, args.muon_lr, args.lr)

    optimizer = make_optimizer(start >= main_steps)
    if saved and saved["optimizer"] and saved["whole"] == (start < main_steps):
        optimizer.load_state_dict(saved["optimizer"])
    use = torch.zeros(model.quantize.embedding.num_embeddings, device=args.device)

    began, mean, steps = time.time(), 0.0, range(start, total)
    for step, x in zip(steps, in_order(data, steps, args.workers, args.device)):
        decoder_only = step >= main_steps
        if step == main_steps:
            optimizer = make_optimizer(decoder_only=True)
        crop = step < args.plain_steps + args.crop_steps
        # Warm-up, then a straight line to zero: once for the whole model and once, lower, for the decoder alone.
        at, of, peak = (step - main_steps, args.decoder_only, 0.3) if decoder_only else (step, main_steps, 1)
        share = peak * min(1, (at + 1) / 50) * max(0.02, 1 - at / of)
        x = x.to(args.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        if step == quantized_from:
            with torch.no_grad():
                sample = torch.cat([model.latent(data.batch(10**6 + i, 32, True).to(args.device)) for i in range(24)])
                sample = sample.movedim(1, -1).flatten(0, 2).cpu()
                model.quantize.embedding.weight.copy_(kmeans(sample, len(use), generator))
        if decoder_only:
            with torch.no_grad():
                codes = model.encode(x)
            loss = distortion(x, model.decode(codes))
        else:
            latent = model.latent(x)
            if step < quantized_from:
                loss = distortion(x, model.decode_latent(latent))
            else:
                codes = model.nearest(latent)
                chosen = model.codebook()[codes].movedim(-1, 1)
                # The codebook goes to the encoder's outputs and, at a quarter of the weight, they to it (van den Oord et al. 2017).
                book = F.mse_loss(chosen, latent.detach()) + 0.25 * F.mse_loss(latent, chosen.detach())
                loss = distortion(x, model.decode_latent(latent + (chosen - latent).detach())) + 8 * book
                use = 0.98 * use + torch.bincount(codes.flatten(), minlength=len(use))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step(share)
        if not decoder_only and crop and step > quantized_from and step % 50 == 0:
            # Codes that nothing uses start again from the encoder's outputs.
            dead = (use < 0.5).nonzero().flatten()
            pool = latent.detach().movedim(1, -1).flatten(0, 2)
            with torch.no_grad():
                model.quantize.embedding.weight[dead] = pool[torch.randint(len(pool), (len(dead),), generator=generator)]
        if step % 10 == 9:  # reading a number waits for the device
            mean = 0.9 * mean + 0.1 * loss.item() if mean else loss.item()
        if (step + 1) % 100 == 0 or step + 1 == total:
            print(f"step {step + 1}/{total} loss {mean:.4f} PSNR {psnr(model, check):.2f} dB codes in use {(use > 0.5).sum().item()} "
                  f"{(time.time() - began) / (step + 1 - start):.2f} s/step", flush=True)
            checkpoints.save(file, model=model.state_dict(), optimizer=optimizer.state_dict(), step=step + 1, whole=not decoder_only)


if __name__ == "__main__":
    main()
