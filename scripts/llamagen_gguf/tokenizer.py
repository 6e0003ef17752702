"""An image tokenizer (VQ). Source: LlamaGen vq_model.py (VQModel, Encoder, Decoder, ResnetBlock, AttnBlock)."""

from __future__ import annotations

import argparse

from .errors import OptionError
from .plan import KERNEL, SMALL, Plan, given_or, origin_of
from .source import ANY, CODEBOOK, Source

VQ_NORM_EPS = 1e-6  # nn.GroupNorm's eps in vq_model.py; no shape tells it
MAX_LEVELS = 10  # 2^10 pixels a token


class Tokenizer:
    """What an image tokenizer's shapes say. Every tensor keeps its name, under "vq.". Source: LlamaGen vq_model.py."""

    def __init__(self, source: Source, options: argparse.Namespace, plan: Plan) -> None:
        self.source, self.plan = source, plan
        self.groups = given_or(options.groups, 32)
        plan.chose("norm groups", self.groups, origin_of(options.groups, "the official models"))
        self.codes, self.code_width = source.get(CODEBOOK, ANY, ANY).shape
        plan.add(source, "vq." + CODEBOOK, SMALL, CODEBOOK, self.codes, self.code_width)
        self.latent = self.conv("post_quant_conv", 1, ANY, self.code_width)
        self.pixels = self.decoder()
        self.has_encoder = "encoder.conv_in.weight" in source
        parts: tuple[str, ...] = ("decoder.", "quantize.", "post_quant_conv.")
        if self.has_encoder:
            parts += ("encoder.", "quant_conv.")
            pixels = self.encoder()
            if pixels != self.pixels:
                reason = f"the encoder makes a token of {pixels} pixels, the decoder makes {self.pixels} of it"
                source.fail("encoder.conv_in.weight", reason)
            self.conv("quant_conv", 1, self.code_width, self.latent)
        plan.ignored += source.rest(parts, "quantize.codebook_used")  # a statistic of the training
        plan.models.append(source.describe(self.describe()))

    def decoder(self) -> int:
        """Takes the decoder and returns the pixels of a token's side."""
        c = self.conv("decoder.conv_in", 3, ANY, self.latent)
        c = self.middle("decoder.mid", c)
        c, pixels = self.levels("decoder", "upsample", c)
        self.norm("decoder.norm_out", c)
        self.conv("decoder.conv_out", 3, 3, c)
        return pixels

    def encoder(self) -> int:
        """Takes the encoder and returns the pixels that make a token's side."""
        c = self.conv("encoder.conv_in", 3, ANY, 3)
        c, pixels = self.levels("encoder", "downsample", c)
        c = self.middle("encoder.mid", c)
        self.norm("encoder.norm_out", c)
        self.conv("encoder.conv_out", 3, self.latent, c)
        return pixels

    def levels(self, side: str, resample: str, c: int) -> tuple[int, int]:
        """Takes all levels of a side and returns its channels and the pixels of a token's side. There is at least one level."""
        n = 1
        while f"{side}.conv_blocks.{n}.res.0.norm1.weight" in self.source:
            n += 1
        if n > MAX_LEVELS:
            self.source.fail(side + ".conv_blocks", f"more than {MAX_LEVELS} levels")
        for i in range(n):
            c = self.blocks(f"{side}.conv_blocks.{i}.", c)
            if i < n - 1:
                c = self.conv(f"{side}.conv_blocks.{i}.{resample}.conv", 3, c, c)
        return c, 1 << (n - 1)

    def blocks(self, level: str, c: int) -> int:
        """Takes a level's residual blocks, each with the attention block that may follow it."""
        j = 0
        while j == 0 or f"{level}res.{j}.norm1.weight" in self.source:
            c = self.residual(f"{level}res.{j}", c)
            if f"{level}attn.{j}.q.weight" in self.source:
                self.attention(f"{level}attn.{j}", c)
            j += 1
        return c

    def middle(self, name: str, c: int) -> int:
        c = self.residual(name + ".0", c)
        self.attention(name + ".1", c)
        return self.residual(name + ".2", c)

    def residual(self, name: str, c: int) -> int:
        """Takes a block from c channels and returns those it gives. A 1x1 shortcut stands where they differ."""
        self.norm(name + ".norm1", c)
        out = self.conv(name + ".conv1", 3, ANY, c)
        self.norm(name + ".norm2", out)
        self.conv(name + ".conv2", 3, out, out)
        if out != c:
            self.conv(name + ".nin_shortcut", 1, out, c)
        return out

    def attention(self, name: str, c: int) -> None:
        self.norm(name + ".norm", c)
        for part in ("q", "k", "v", "proj_out"):
            self.conv(f"{name}.{part}", 1, c, c)

    def norm(self, name: str, c: int) -> None:
        for part in (".weight", ".bias"):
            self.plan.add(self.source, "vq." + name + part, SMALL, name + part, c)
        if c % self.groups != 0:
            channels = f'the {c} channels of "{name}" in {self.source.path}'
            raise OptionError("--groups", f"{self.groups}: {channels} cannot be split into {self.groups} groups")

    def conv(self, name: str, size: int, out: int, inp: int) -> int:
        """Takes a size x size convolution with its bias and returns its output channels."""
        out = self.source.get(name + ".weight", out, inp, size, size).shape[0]
        self.plan.add(self.source, f"vq.{name}.weight", KERNEL, name + ".weight", out, inp, size, size)
        self.plan.add(self.source, f"vq.{name}.bias", SMALL, name + ".bias", out)
        return out

    def set_keys(self) -> None:
        self.plan.uint32("vq.embedding_length", self.latent)
        self.plan.uint32("vq.codebook_size", self.codes)
        self.plan.uint32("vq.codebook_dim", self.code_width)
        self.plan.uint32("vq.norm_groups", self.groups)
        self.plan.float32("vq.norm_epsilon", VQ_NORM_EPS)
        self.plan.uint32("vq.pixels_per_token", self.pixels)

    def describe(self) -> str:
        parts = "decoder and encoder" if self.has_encoder else "decoder only"
        return f"image tokenizer (VQ): {self.codes} codes of {self.code_width} values, {self.pixels} pixels a token, {parts}"
