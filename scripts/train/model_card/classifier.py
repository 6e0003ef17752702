"""A small network that names the concept and the style of a picture. It learns from the drawn sprites of all styles, moved, scaled,
recoloured and on other backgrounds; the sprites are those of the corpus, the pictures are made here."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import pictures
from optimizers import Both

from .store import digest, key, say

SIDE = 64
RECOLOURED, BACKGROUND = 0.25, 0.4  # shares of the pictures
SCALE, SHIFT = (0.8, 1.1), 0.08  # of the picture's side


class Data:
    def __init__(self, sprites):
        self.concepts = sprites.concepts
        self.styles = sorted({style for _, style in sprites.of})
        self.rgba = np.stack([pictures.shrink(sprites.get(*k), SIDE) for k in sprites.of])
        self.concept = torch.tensor([self.concepts.index(c) for c, _ in sprites.of])
        self.style = torch.tensor([self.styles.index(s) for _, s in sprites.of])

    def batch(self, numbers, rng):
        """Inputs [n, 3, SIDE, SIDE] of sprites, each as it comes once in a picture."""
        rgba, n = self.rgba[numbers].copy(), len(numbers)
        for i in np.nonzero(rng.random(n) < RECOLOURED)[0]:
            rgba[i] = pictures.recolour(rgba[i], list(pictures.HUES.values())[rng.integers(len(pictures.HUES))])
        x = torch.from_numpy(rgba).movedim(-1, 1).float()
        x = torch.cat([x[:, :3] * (x[:, 3:] / 255), x[:, 3:]], dim=1)
        scale, shift = rng.uniform(*SCALE, n), rng.uniform(-2 * SHIFT, 2 * SHIFT, (n, 2))
        turn = np.zeros((n, 2, 3), np.float32)
        turn[:, 0, 0] = turn[:, 1, 1] = 1 / scale
        turn[:, :, 2] = shift
        x = F.grid_sample(x, F.affine_grid(torch.from_numpy(turn), x.shape, align_corners=False), align_corners=False)
        colours = np.array(list(pictures.BACKGROUNDS.values()), np.float32)
        behind = np.where(rng.random(n) < BACKGROUND, rng.integers(len(colours), size=n), 0)  # 0 is white
        x = x[:, :3] + (1 - x[:, 3:] / 255) * torch.from_numpy(colours[behind])[..., None, None]
        return x / 127.5 - 1


class Network(nn.Module):
    """Logits of concepts and of styles."""

    def __init__(self, concepts, styles, widths=(32, 64, 128, 256)):
        super().__init__()
        layers, c = [], 3
        for i, w in enumerate(widths):
            layers += [nn.Conv2d(c, w, 5 if i == 0 else 3, stride=2, padding=2 if i == 0 else 1, bias=False), nn.BatchNorm2d(w), nn.ReLU()]
            if i:
                layers += [nn.Conv2d(w, w, 3, padding=1, groups=w, bias=False), nn.BatchNorm2d(w), nn.ReLU()]
            c = w
        self.body = nn.Sequential(*layers)
        self.concept_output, self.style_output = nn.Linear(4 * c, concepts), nn.Linear(4 * c, styles)

    def forward(self, x):
        # The quarters of the picture are told apart: where things are helps to know them.
        x = F.adaptive_avg_pool2d(self.body(x), 2).flatten(1)
        return self.concept_output(x), self.style_output(x)


class Classifier:
    """Trained in `steps` steps, or read from the store; a run that was cut goes on where the last save was."""

    def __init__(self, sprites, work, store, steps, batch=128):
        self.data = Data(sprites)
        torch.manual_seed(1)
        self.model = Network(len(self.data.concepts), len(self.data.styles)).to(memory_format=torch.channels_last)
        inputs = [digest(work / "sprites.npy"), digest(work / "sprites.json"), digest(__file__), digest(pictures.__file__), steps,
                  batch]
        self.path = store.folder / f"classifier-{key(*inputs)}.pt"
        self.train(steps, batch)
        self.model.eval()

    def train(self, steps, batch):
        optimizer = Both(self.model.named_parameters(), 0.02, 3e-3, adam_names=("output",))
        start = 0
        if self.path.exists():
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            self.model.load_state_dict(saved["model"])
            optimizer.load_state_dict(saved["optimizer"])
            start = saved["step"]
        for step in range(start, steps):
            # Every sprite comes once before one comes twice.
            order = [np.random.default_rng([9, epoch]).permutation(len(self.data.rgba))
                     for epoch in (step * batch // len(self.data.rgba), (step + 1) * batch // len(self.data.rgba))]
            at = step * batch % len(self.data.rgba)
            numbers = np.concatenate(order)[at:at + batch]
            x = self.data.batch(numbers, np.random.default_rng([8, step])).contiguous(memory_format=torch.channels_last)
            concept, style = self.model(x)
            loss = F.cross_entropy(concept, self.data.concept[numbers], label_smoothing=0.1) + \
                0.6 * F.cross_entropy(style, self.data.style[numbers])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step(min(1, (step + 1) / 20, (steps - step) / (0.6 * steps)))
            if (step + 1) % 50 == 0 or step + 1 == steps:
                say(f"classifier: step {step + 1} of {steps}, loss {loss.item():.3f}")
                partial = self.path.with_suffix(".partial")
                torch.save({"model": self.model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}, partial)
                partial.rename(self.path)

    @torch.no_grad()
    def scores(self, x):
        """Logits of concepts and styles of inputs [n, 3, SIDE, SIDE]."""
        both = [self.model(part.contiguous(memory_format=torch.channels_last)) for part in x.split(128)]
        return torch.cat([c for c, _ in both]), torch.cat([s for _, s in both])

    def of_pictures(self, of):
        """Logits of concepts and styles of pictures, uint8 [n, h, w, 3]; twice SIDE or SIDE wide."""
        x = torch.from_numpy(pictures.to_input(of))
        return self.scores(x if x.shape[-1] == SIDE else F.avg_pool2d(x, 2))

    def concept_hits(self, of, names, k):
        """Whether the concept that each picture should show is among the first k, [n]."""
        want = torch.tensor([self.data.concepts.index(n) for n in names])
        return hits(self.of_pictures(of)[0], want, k)

    def style_hits(self, of, styles, among):
        """Whether each picture's style is the likeliest among these, [n]."""
        columns = [self.data.styles.index(s) for s in among]
        return hits(self.of_pictures(of)[1][:, columns], torch.tensor([among.index(s) for s in styles]), 1)

    def new_augmentations(self):
        """Hits among the first 1 and 5 of every sprite, changed in ways that training has not seen."""
        x = self.data.batch(np.arange(len(self.data.rgba)), np.random.default_rng(1000))
        logits = self.scores(x)[0]
        return [hits(logits, self.data.concept, k) for k in (1, 5)]


def hits(logits, want, k):
    return (logits.topk(min(k, logits.shape[1]), dim=1).indices == want[:, None]).any(1).numpy()
