"""The VQ image tokenizer of --work/vq.pt, checked against zipar encode and zipar decode."""

import tempfile
from pathlib import Path

import numpy as np
import torch

import pictures
from vq_model import VQ

from .store import digest


class Tokenizer:
    """half rounds the matrices to 16-bit floats, as a quantised model file holds them."""

    def __init__(self, work, half):
        self.digest, self.half = digest(work / "vq.pt"), half
        self.model = VQ().eval().to(memory_format=torch.channels_last)
        self.model.load_state_dict(torch.load(work / "vq.pt", map_location="cpu", weights_only=True)["model"])
        if half:
            with torch.no_grad():
                for p in self.model.parameters():
                    if p.ndim > 1:
                        p.copy_(p.half())

    @torch.no_grad()
    def encode(self, of):
        """The codes [n, rows, columns] of pictures, uint8 [n, h, w, 3]."""
        inputs = torch.from_numpy(pictures.to_input(of)).contiguous(memory_format=torch.channels_last)
        return torch.cat([self.model.encode(x) for x in inputs.split(16)]).numpy()

    @torch.no_grad()
    def decode(self, codes):
        """The pictures, uint8 [n, h, w, 3], of codes [n, rows, columns]."""
        out = torch.cat([self.model.decode(c) for c in torch.from_numpy(codes).split(16)])
        levels = ((out.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        return np.ascontiguousarray(levels.movedim(1, -1).numpy())

    def reconstruct(self, of, store, name):
        """The codes of pictures and what is decoded of them; kept in the store."""
        codes = store.array(f"codes-{name}", [self.digest, self.half, of], lambda: self.encode(of))
        return codes, store.array(f"decoded-{name}", [self.digest, self.half, codes], lambda: self.decode(codes))

    def compare(self, zipar, model, of):
        """The share of codes that zipar encode gives, too, and the largest difference of levels that zipar decode makes of the
        same codes. Ends the program if vq.pt is not the tokenizer in the model."""
        equal, worst = [], 0
        with tempfile.TemporaryDirectory() as folder:
            for picture in of:
                theirs = zipar.encode(model, picture, Path(folder))
                ours = self.encode(picture[None])[0]
                equal.append((theirs == ours.ravel()).mean())
                codes = theirs.reshape(ours.shape)
                decoded = zipar.decode(model, codes, Path(folder)).astype(int)
                worst = max(worst, np.abs(decoded - self.decode(codes[None])[0]).max())
        share = float(np.mean(equal))
        if share < 0.98 or worst > 3:
            raise SystemExit(f"{model.path}: zipar and vq.pt give {share:.1%} equal codes and levels within {worst}: "
                             "vq.pt is not the image tokenizer in this model")
        return share, int(worst)
