"""The VQ image tokenizer: the layers, and the names of tensors, of LlamaGen's VQGAN (its tokenizer/tokenizer_image/vq_model.py),
narrower, with the number of groups of its norms as an option."""

import torch
from torch import nn
from torch.nn import functional as F


def norm(channels, groups):
    return nn.GroupNorm(groups, channels, eps=1e-6)


class ResBlock(nn.Module):
    def __init__(self, c_in, c_out, groups):
        super().__init__()
        self.norm1, self.conv1 = norm(c_in, groups), nn.Conv2d(c_in, c_out, 3, padding=1)
        self.norm2, self.conv2 = norm(c_out, groups), nn.Conv2d(c_out, c_out, 3, padding=1)
        if c_in != c_out:
            self.nin_shortcut = nn.Conv2d(c_in, c_out, 1)

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x) + h


class Attention(nn.Module):
    """Single-head attention of all positions of the picture with each other."""

    def __init__(self, c, groups):
        super().__init__()
        self.norm = norm(c, groups)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(c, c, 1) for _ in range(4))

    def forward(self, x):
        h = self.norm(x)
        q, k, v = (f(h).flatten(2).transpose(1, 2) for f in (self.q, self.k, self.v))
        h = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
        return x + self.proj_out(h)


class Downsample(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, stride=2)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


def mid(c, groups):
    return nn.ModuleList([ResBlock(c, c, groups), Attention(c, groups), ResBlock(c, c, groups)])


class Level(nn.Module):
    def __init__(self, c_in, c_out, blocks, groups, attention):
        super().__init__()
        self.res = nn.ModuleList(ResBlock(c_in if i == 0 else c_out, c_out, groups) for i in range(blocks))
        self.attn = nn.ModuleList(Attention(c_out, groups) for _ in range(blocks if attention else 0))

    def forward(self, x):
        for i, res in enumerate(self.res):
            x = res(x)
            if len(self.attn):
                x = self.attn[i](x)
        return x


class Encoder(nn.Module):
    def __init__(self, ch, mult, z, blocks, groups):
        super().__init__()
        self.conv_in = nn.Conv2d(3, ch, 3, padding=1)
        self.conv_blocks = nn.ModuleList()
        c = ch
        for i, m in enumerate(mult):
            last = i == len(mult) - 1
            level = Level(c, ch * m, blocks, groups, attention=last)
            c = ch * m
            if not last:
                level.downsample = Downsample(c)
            self.conv_blocks.append(level)
        self.mid = mid(c, groups)
        self.norm_out, self.conv_out = norm(c, groups), nn.Conv2d(c, z, 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        for level in self.conv_blocks:
            x = level(x)
            if hasattr(level, "downsample"):
                x = level.downsample(x)
        for block in self.mid:
            x = block(x)
        return self.conv_out(F.silu(self.norm_out(x)))


class Decoder(nn.Module):
    def __init__(self, ch, mult, z, blocks, groups):
        super().__init__()
        c = ch * mult[-1]
        self.conv_in = nn.Conv2d(z, c, 3, padding=1)
        self.mid = mid(c, groups)
        self.conv_blocks = nn.ModuleList()
        for i, m in enumerate(reversed(mult)):
            level = Level(c, ch * m, blocks + 1, groups, attention=i == 0)
            c = ch * m
            if i < len(mult) - 1:
                level.upsample = Upsample(c)
            self.conv_blocks.append(level)
        self.norm_out, self.conv_out = norm(c, groups), nn.Conv2d(c, 3, 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        for block in self.mid:
            x = block(x)
        for level in self.conv_blocks:
            x = level(x)
            if hasattr(level, "upsample"):
                x = level.upsample(x)
        return self.conv_out(F.silu(self.norm_out(x)))


class VQ(nn.Module):
    """encode and decode work on pictures [n, 3, h, w] in [-1, 1] and codes [n, h/8, w/8]."""

    def __init__(self, ch=32, mult=(1, 2, 2, 4), z=128, blocks=1, groups=8, codes=1024, code_dim=8):
        super().__init__()
        self.encoder = Encoder(ch, mult, z, blocks, groups)
        self.decoder = Decoder(ch, mult, z, blocks, groups)
        self.quantize = nn.Module()
        self.quantize.embedding = nn.Embedding(codes, code_dim)
        self.quant_conv = nn.Conv2d(z, code_dim, 1)
        self.post_quant_conv = nn.Conv2d(code_dim, z, 1)
        # Residual branches start at zero: the first steps train the way straight through.
        for m in self.modules():
            if isinstance(m, ResBlock):
                nn.init.zeros_(m.conv2.weight)
            if isinstance(m, Attention):
                nn.init.zeros_(m.proj_out.weight)

    def codebook(self):
        return F.normalize(self.quantize.embedding.weight, dim=1)

    def latent(self, x):
        """Unit vectors [n, code_dim, h/8, w/8]."""
        return F.normalize(self.quant_conv(self.encoder(x)), dim=1)

    def nearest(self, latent):
        """Codes [n, h, w] of unit vectors [n, code_dim, h, w]."""
        return (latent.detach().movedim(1, -1) @ self.codebook().detach().t()).argmax(-1)

    def encode(self, x):
        return self.nearest(self.latent(x))

    def decode_latent(self, latent):
        return self.decoder(self.post_quant_conv(latent))

    def decode(self, codes):
        return self.decode_latent(self.codebook()[codes].movedim(-1, 1))
