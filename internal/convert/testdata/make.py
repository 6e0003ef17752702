"""Makes the checkpoints beside it, in the formats of the official training scripts: python3 make.py (needs torch).

vq.pt               an image tokenizer with a moving average, a discriminator and optimizers
vq_discriminator.pt the same, its "ema" being that of something else
class.pt            a class model with a moving average
ema_only.pt         a class model, its moving average alone
"""

import argparse
import os

import torch

os.chdir(os.path.dirname(os.path.abspath(__file__)))
torch.manual_seed(3)


def conv(name, out, inp, k):
    return {f"{name}.weight": torch.randn(out, inp, k, k), f"{name}.bias": torch.randn(out)}


def norm(name, c):
    return {f"{name}.weight": torch.randn(c), f"{name}.bias": torch.randn(c)}


def res(name, c):
    return {**norm(name + ".norm1", c), **conv(name + ".conv1", c, c, 3), **norm(name + ".norm2", c), **conv(name + ".conv2", c, c, 3)}


def attn(name, c):
    d = norm(name + ".norm", c)
    for part in ("q", "k", "v", "proj_out"):
        d.update(conv(f"{name}.{part}", c, c, 1))
    return d


def vq():
    d = {"quantize.embedding.weight": torch.randn(6, 2), "quantize.codebook_used": torch.zeros(8)}
    d.update(conv("post_quant_conv", 4, 2, 1))
    d.update(conv("decoder.conv_in", 4, 4, 3))
    d.update(**res("decoder.mid.0", 4), **attn("decoder.mid.1", 4), **res("decoder.mid.2", 4))
    d.update(**res("decoder.conv_blocks.0.res.0", 4), **attn("decoder.conv_blocks.0.attn.0", 4), **conv("decoder.conv_blocks.0.upsample.conv", 4, 4, 3))
    d.update(**res("decoder.conv_blocks.1.res.0", 4), **norm("decoder.norm_out", 4), **conv("decoder.conv_out", 3, 4, 3))
    return d


def gpt():
    d = {"tok_embeddings.weight": torch.randn(6, 8), "cls_embedding.embedding_table.weight": torch.randn(3, 8)}
    d.update({"norm.weight": torch.randn(8), "output.weight": torch.randn(6, 8)})
    at = "layers.0."
    d.update({at + "attention.wqkv.weight": torch.randn(24, 8), at + "attention.wo.weight": torch.randn(8, 8)})
    d.update({at + "feed_forward.w1.weight": torch.randn(16, 8), at + "feed_forward.w3.weight": torch.randn(16, 8)})
    d.update({at + "feed_forward.w2.weight": torch.randn(8, 16), at + "attention_norm.weight": torch.randn(8), at + "ffn_norm.weight": torch.randn(8)})
    return d


beside = {"optimizer": {"state": {}, "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.95)}]}, "steps": 10, "args": argparse.Namespace(model="x")}
disc = {"main.0.weight": torch.randn(2, 2)}
torch.save({"model": vq(), "ema": vq(), "discriminator": disc, "optimizer_disc": {}, **beside}, "vq.pt")
torch.save({"model": vq(), "ema": disc, **beside}, "vq_discriminator.pt")
torch.save({"ema": gpt(), "model": gpt(), **beside}, "class.pt")
torch.save({"ema": {"module._orig_mod." + k: v for k, v in gpt().items()}, **beside}, "ema_only.pt")
