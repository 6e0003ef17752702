#!/usr/bin/env python3
"""Writes a checkpoint with random weights in the format, names and shapes of the official LlamaGen files.

    python3 scripts/random_checkpoint.py --model GPT-B --kind class --image-size 256 --out gptb.pt
    python3 scripts/random_checkpoint.py --vq VQ-16 --out vq16.pt

For trying a conversion, a full-size run or a timing without the trained files: the pictures are noise. Needs PyTorch 1.13 or newer
and nothing of LlamaGen. The whole checkpoint is held in memory once, in the type it is written in.
"""

import argparse
import math
import os
import sys

import torch

# layers, heads, width; the hidden width of the feed-forward part follows from the width
GPT_SIZES = {
    "GPT-B": (12, 12, 768),
    "GPT-L": (24, 16, 1024),
    "GPT-XL": (36, 20, 1280),
    "GPT-XXL": (48, 24, 1536),
    "GPT-3B": (24, 32, 3200),
}
VQ_LEVELS = {"VQ-16": (1, 1, 2, 2, 4), "VQ-8": (1, 2, 2, 4)}  # channels per level, finest first, in units of VQ_CHANNELS
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}

VOCAB = 16384  # image tokens, which are the rows of the codebook
CLASSES = 1000
CAPTION_TOKENS, CAPTION_WIDTH = 120, 2048
ROPE_BASE = 10000
VQ_CHANNELS, VQ_LATENT, VQ_CODE_WIDTH, VQ_RES_BLOCKS = 128, 256, 8, 2
VQ_USAGE_SLOTS = 65536  # a training statistic that the official files carry


# ---- shapes: each function yields (name, shape, kind); kind picks the scale in filled() ---------------------------------------

def gpt_tensors(size, kind):
    layers, heads, width = GPT_SIZES[size]
    hidden = (2 * (4 * width) // 3 + 255) // 256 * 256
    if kind == "class":
        yield "cls_embedding.embedding_table.weight", (CLASSES + 1, width), "embedding"  # the last row: no class
    else:
        yield "cls_embedding.uncond_embedding", (CAPTION_TOKENS, CAPTION_WIDTH), "caption"
        yield "cls_embedding.cap_proj.fc1.weight", (width, CAPTION_WIDTH), "matrix"
        yield "cls_embedding.cap_proj.fc2.weight", (width, width), "matrix"
    yield "tok_embeddings.weight", (VOCAB, width), "embedding"
    for n in range(layers):
        at = f"layers.{n}."
        yield at + "attention.wqkv.weight", (3 * width, width), "matrix"
        yield at + "attention.wo.weight", (width, width), "matrix"
        yield at + "feed_forward.w1.weight", (hidden, width), "matrix"
        yield at + "feed_forward.w3.weight", (hidden, width), "matrix"
        yield at + "feed_forward.w2.weight", (width, hidden), "matrix"
        yield at + "attention_norm.weight", (width,), "norm"
        yield at + "ffn_norm.weight", (width,), "norm"
    yield "norm.weight", (width,), "norm"
    yield "output.weight", (VOCAB, width), "output"


def conv(name, out, inp, kernel, kind="conv"):
    yield name + ".weight", (out, inp, kernel, kernel), kind
    yield name + ".bias", (out,), "bias"


def norm(name, channels):
    yield name + ".weight", (channels,), "norm"
    yield name + ".bias", (channels,), "bias"


def res_block(name, inp, out):
    yield from norm(name + ".norm1", inp)
    yield from conv(name + ".conv1", out, inp, 3)
    yield from norm(name + ".norm2", out)
    yield from conv(name + ".conv2", out, out, 3)
    if inp != out:
        yield from conv(name + ".nin_shortcut", out, inp, 1)


def attention_block(name, channels):
    yield from norm(name + ".norm", channels)
    for part in ("q", "k", "v", "proj_out"):
        yield from conv(f"{name}.{part}", channels, channels, 1)


def middle(name, channels):
    yield from res_block(name + ".0", channels, channels)
    yield from attention_block(name + ".1", channels)
    yield from res_block(name + ".2", channels, channels)


def levels(name, channels, start, blocks, resample):
    """One half's conv_blocks. channels: per level, in the order of the data; start: what comes in. The coarsest level has attention."""
    width = start
    for i, out in enumerate(channels):
        at = f"{name}.conv_blocks.{i}"
        for j in range(blocks):
            yield from res_block(f"{at}.res.{j}", width, out)
            width = out
        coarsest = i == (len(channels) - 1 if resample == "downsample" else 0)
        for j in range(blocks if coarsest else 0):
            yield from attention_block(f"{at}.attn.{j}", width)
        if i < len(channels) - 1:
            yield from conv(f"{at}.{resample}.conv", width, width, 3)


def vq_tensors(size):
    channels = [VQ_CHANNELS * m for m in VQ_LEVELS[size]]
    fine, coarse = channels[0], channels[-1]
    yield from conv("encoder.conv_in", VQ_CHANNELS, 3, 3)
    yield from levels("encoder", channels, VQ_CHANNELS, VQ_RES_BLOCKS, "downsample")
    yield from middle("encoder.mid", coarse)
    yield from norm("encoder.norm_out", coarse)
    yield from conv("encoder.conv_out", VQ_LATENT, coarse, 3)
    yield from conv("decoder.conv_in", coarse, VQ_LATENT, 3)
    yield from middle("decoder.mid", coarse)
    yield from levels("decoder", channels[::-1], coarse, VQ_RES_BLOCKS + 1, "upsample")
    yield from norm("decoder.norm_out", fine)
    yield from conv("decoder.conv_out", 3, fine, 3, "picture")
    yield "quantize.codebook_used", (VQ_USAGE_SLOTS,), "zero"
    yield "quantize.embedding.weight", (VOCAB, VQ_CODE_WIDTH), "embedding"
    yield from conv("quant_conv", VQ_CODE_WIDTH, VQ_LATENT, 1)
    yield from conv("post_quant_conv", VQ_LATENT, VQ_CODE_WIDTH, 1)


# ---- values ------------------------------------------------------------------------------------------------------------------

def filled(shape, kind, generator):
    """A random f32 tensor. Matrices and convolutions keep the size of what passes through them, so that activations stay finite
    over all layers; logits spread by about 2 and pixels by about half of the range -1 to 1."""
    if kind == "zero":
        return torch.zeros(shape)
    t = torch.randn(shape, generator=generator)
    inputs = math.prod(shape[1:])
    if kind == "norm":
        return t.mul_(0.1).add_(1)
    scale = {"embedding": 1, "caption": 0.2, "bias": 0.05, "matrix": inputs ** -0.5, "output": 2 * inputs ** -0.5,
             "conv": (2 / inputs) ** 0.5, "picture": inputs ** -0.5}[kind]
    return t.mul_(scale)


def rope_table(head_size, grid, prefix):
    """The [prefix + grid*grid, head_size/2, 2] table (cos, sin) that some files carry as freqs_cis. The first half of the pairs turns
    by row, the second by column; prefix positions are zero."""
    half = head_size // 2
    speeds = ROPE_BASE ** -(torch.arange(0, half, 2).float() / half)
    angle = torch.arange(grid).float()[:, None] * speeds
    rows = angle[:, None, :].expand(grid, grid, -1)
    columns = angle[None, :, :].expand(grid, grid, -1)
    angles = torch.cat([rows, columns], dim=-1).reshape(grid * grid, half)
    return torch.cat([torch.zeros(prefix, half, 2), torch.stack([angles.cos(), angles.sin()], dim=-1)])


def state_dict(args):
    """The tensors that args ask for, by name. Each is made in f32 and cast before the next one is made."""
    generator = torch.Generator().manual_seed(args.seed)
    tensors = vq_tensors(args.vq) if args.vq else gpt_tensors(args.model, args.kind)
    state = {name: filled(shape, kind, generator).to(DTYPES[args.dtype]) for name, shape, kind in tensors}
    if args.with_freqs:
        _, heads, width = GPT_SIZES[args.model]
        prefix = 1 if args.kind == "class" else CAPTION_TOKENS
        state["freqs_cis"] = rope_table(width // heads, args.image_size // args.pixels_per_token, prefix).to(DTYPES[args.dtype])
    return state


def wrapped(state, wrapper):
    """The object to save: state as the training scripts leave it, with what they put beside it."""
    if wrapper == "none":
        return state
    return {wrapper: state, "optimizer": {"state": {}, "param_groups": []}, "steps": 0, "args": argparse.Namespace(epochs=0)}


def parse(argv):
    p = argparse.ArgumentParser(description="Write a checkpoint with random weights in the official LlamaGen format.")
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument("--model", choices=GPT_SIZES, help="a token model of this size")
    what.add_argument("--vq", choices=VQ_LEVELS, help="an image tokenizer: 16 or 8 pixels a token")
    p.add_argument("--kind", choices=["class", "caption"], default="class",
                   help="what a token model is conditioned on: one of 1000 classes, or a caption of up to 120 embeddings (default: class)")
    p.add_argument("--image-size", type=int, choices=[256, 384, 512], default=256,
                   help="side of the picture in pixels; a token model shows it only in freqs_cis, see --with-freqs (default: 256)")
    p.add_argument("--pixels-per-token", type=int, choices=[16, 8], default=16,
                   help="pixels a token is wide and high; used like --image-size (default: 16)")
    p.add_argument("--with-freqs", action="store_true",
                   help="add the rotary table freqs_cis, from which a reader can tell the grid (not part of most official files)")
    p.add_argument("--wrapper", choices=["model", "module", "state_dict", "ema", "none"], default="model",
                   help="key under which the weights lie: model (DDP), module (DeepSpeed), state_dict, ema, or none for the "
                        "weights at the top level (FSDP) (default: model)")
    p.add_argument("--dtype", choices=DTYPES, default="f32", help="type of all numbers in the file (default: f32)")
    p.add_argument("--seed", type=int, default=0, help="seed of the random numbers (default: 0)")
    p.add_argument("--out", required=True, metavar="FILE", help="file to write; replaced if it exists")
    args = p.parse_args(argv)
    if args.vq and args.with_freqs:
        p.error("--with-freqs is for token models: an image tokenizer has no rotary table")
    return args


def main(argv=None):
    args = parse(argv)
    state = state_dict(args)
    part = args.out + ".part"
    try:
        torch.save(wrapped(state, args.wrapper), part)
        os.replace(part, args.out)
    except (OSError, RuntimeError) as e:  # torch.save reports a missing folder as a RuntimeError
        return f"random_checkpoint: cannot write {args.out}: {e}"
    finally:
        if os.path.exists(part):
            os.remove(part)
    count = sum(t.numel() for t in state.values())
    print(f"{args.out}: {len(state)} tensors, {count / 1e6:.1f}M numbers, {os.path.getsize(args.out) / 2**20:.0f} MiB")


if __name__ == "__main__":
    sys.exit(main())
