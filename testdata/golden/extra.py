#!/usr/bin/env python3
"""Makes the golden files in this folder that come from the official LlamaGen code, and checks those that are here against it.

    python3 extra.py --llamagen DIR [--out DIR] [--check] [NAME ...]

DIR is a checkout of the official LlamaGen repository (FoundationVision/LlamaGen). Its Transformer, generate functions and VQModel
are imported from there and driven with random weights; README.md beside this file lists what comes out. NAME picks files: c2i-hd20,
c2i-gqa, c2i-tiny-interval, sampler, vq-g8; default all. --check makes nothing: it recomputes what is here, from the
checkpoints that are here, and compares: tokens, codes and step counts exactly, other numbers to TOLERANCE.

Needs PyTorch 1.13 or newer, on the CPU, and numpy. All arithmetic is fp32. The newer functions that the official code asks for are
supplied below where an older PyTorch lacks them.
"""

import argparse
import contextlib
import importlib
import json
import math
import os
import sys
import types

import numpy as np
import torch


# ---- the official code, and what an older PyTorch lacks for it ---------------------------------------------------------------

def attention_reference(q, k, v, attn_mask=None, dropout_p=0.0, is_causal=False):
    """softmax(q k^T / sqrt(d)) v over the key positions where attn_mask is true; q, k, v: [batch, heads, n, d]."""
    if is_causal:
        raise ValueError("the drivers here always pass a mask")
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    scores = scores.masked_fill(~attn_mask, float("-inf"))
    return torch.softmax(scores, dim=-1) @ v


def load_official(folder):
    """Imports the official modules from folder; returns (gpt, generate, vq_model)."""
    if not hasattr(torch.nn.functional, "scaled_dot_product_attention"):
        torch.nn.functional.scaled_dot_product_attention = attention_reference
    for name in ("torch._dynamo", "torch._dynamo.config", "torch._inductor", "torch._inductor.config"):
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = types.ModuleType(name)
    # Picks a GPU kernel, which means nothing here, and takes other arguments, or warns, in other versions.
    torch.backends.cuda.sdp_kernel = lambda **_: contextlib.nullcontext()
    sys.path.insert(0, folder)
    return (importlib.import_module("autoregressive.models.gpt"),
            importlib.import_module("autoregressive.models.generate"),
            importlib.import_module("tokenizer.tokenizer_image.vq_model"))


# ---- token models ------------------------------------------------------------------------------------------------------------

def token_model(gpt, config, state):
    """The official Transformer for a configuration as in the .json files, with the weights of state, ready for inference."""
    args = gpt.ModelArgs(dim=config["dim"], n_layer=config["layers"], n_head=config["heads"], n_kv_head=config.get("kv_heads"),
                         vocab_size=config["vocab"], block_size=config["grid"] ** 2, model_type=config["kind"],
                         num_classes=config.get("num_classes", 1000), cls_token_num=config.get("cls_tokens", 1),
                         caption_dim=config.get("caption_dim", 2048))
    model = gpt.Transformer(args)
    if config["kind"] == "t2i":  # the official constructor always makes room for 120 caption tokens
        model.cls_embedding = gpt.CaptionEmbedder(args.caption_dim, args.dim, args.class_dropout_prob, token_num=args.cls_token_num)
    if state is not None:
        model.load_state_dict(state)
    return model.eval()


def random_state(model, seed):
    """Weights for model's state dict at which logits are far from flat and attention far from even.

    Matrices: 1.5 / sqrt(inputs); output: 3.2 / sqrt(inputs); embeddings: 1; norm weights: 1 +- 0.2.
    """
    g = torch.Generator().manual_seed(seed)
    state = {}
    for name, old in model.state_dict().items():
        if "norm" in name:
            state[name] = 1 + 0.2 * torch.randn(old.shape, generator=g)
        elif "embedding" in name:
            state[name] = torch.randn(old.shape, generator=g)
        else:
            scale = 3.2 if name == "output.weight" else 1.5
            state[name] = torch.randn(old.shape, generator=g) * scale / math.sqrt(old.shape[-1])
    return state


class Session:
    """One image's decoding with the official model: its key-value cache, its masks, and guidance with scale cfg."""

    def __init__(self, gpt, model, cond, emb_mask, cfg):
        self.model, self.cfg = model, cfg
        self.prefix = model.cls_token_num
        length = self.prefix + model.block_size
        self.batch = 2 if cfg > 1 else 1
        model.setup_caches(max_batch_size=self.batch, max_seq_length=length, dtype=torch.float32)
        if model.config.n_kv_head:
            # The official cache has room for n_head heads whatever n_kv_head is, and then cannot hold grouped keys.
            for layer in model.layers:
                head = model.config.dim // model.config.n_head
                layer.attention.kv_cache = gpt.KVCache(self.batch, model.max_seq_length, model.config.n_kv_head, head, torch.float32)
        if emb_mask is not None:
            model.causal_mask[:, :, :self.prefix] &= emb_mask.bool().unsqueeze(1)
            model.causal_mask |= torch.eye(model.causal_mask.shape[1], dtype=torch.bool)
        self.causal = model.causal_mask.clone()
        self.fed = torch.zeros(model.causal_mask.shape[1], dtype=torch.bool)
        if cfg > 1:
            if model.model_type == "c2i":
                cond = torch.cat([cond, torch.full_like(cond, model.num_classes)])
            else:
                cond = torch.cat([cond, model.cls_embedding.uncond_embedding.expand_as(cond)])
        self.cond = cond

    def prefill(self):
        """Feeds the prefix; returns the guided logits [vocab] that predict token (0, 0)."""
        return self._forward(None, self.cond, torch.arange(self.prefix))[-1]

    def feed(self, slots):
        """Feeds slots, a list of (image position, token); returns the guided logits [len(slots), vocab] after each."""
        slots = sorted(slots)
        tokens = torch.tensor([[t for _, t in slots]]).expand(self.batch, -1)
        positions = torch.tensor([self.prefix + n for n, _ in slots])
        return {n: row for (n, _), row in zip(slots, self._forward(tokens, None, positions))}

    def _forward(self, tokens, cond, positions):
        self.fed[positions] = True
        self.model.causal_mask = self.causal & self.fed
        logits, _ = self.model(tokens, cond, positions)
        if self.cfg > 1:
            c, u = logits
            return u + (c - u) * self.cfg
        return logits[0]


def margin(logits):
    """The gap between the two largest logits."""
    best = torch.topk(logits, 2)[0]
    return float(best[0] - best[1])


def zipar(session, rows, cols, window):
    """Greedy decoding with a fixed window. Returns (tokens [rows, cols], logits of each token, passes, smallest margin).

    A pass feeds what the pass before it decoded, and a proxy where a row starts whose predecessor is not decoded yet.
    """
    tokens = -np.ones((rows, cols), np.int32)
    logits = {}
    done = [0] * rows  # tokens decoded per row
    feed, passes, smallest = [], 0, float("inf")
    while True:
        # Which tokens can this pass decode? The one after a row's last, and a new row's first.
        goals = []
        for i in range(rows):
            j = done[i]
            if j == cols or (i > 0 and done[i - 1] < min(j + window, cols)):
                continue
            goals.append((i, j))
        if passes == 0:
            goals = [(0, 0)]
            after = {-1: session.prefill()}
        else:
            slots = [(i * cols + j, int(tokens[i, j])) for i, j in feed]
            for i, j in goals:
                if j == 0 and done[i - 1] < cols:
                    source = max(i - 2, 0)
                    slots.append((i * cols - 1, int(tokens[source, done[source] - 1])))
            after = session.feed(slots)
        feed = []
        for i, j in goals:
            row = after[i * cols + j - 1]
            tokens[i, j] = int(row.argmax())
            logits[i, j] = row
            smallest = min(smallest, margin(row))
            done[i] += 1
            feed.append((i, j))
        passes += 1
        if done[-1] == cols:
            return tokens, logits, passes, smallest


def official_ntp(generate, session, count, interval=-1):
    """Greedy next-token decoding by the official generate functions. Returns (tokens [1, count], logits [count, vocab])."""
    seen = []
    sample = generate.sample

    def watching(logits, **kwargs):
        seen.append(logits[0, -1].clone())
        return sample(logits, **kwargs)

    model = session.model
    model.causal_mask = session.causal
    generate.sample = watching
    try:
        first = generate.prefill(model, session.cond, torch.arange(session.prefix), session.cfg, sample_logits=False)
        position = torch.tensor([session.prefix])
        rest, _ = generate.decode_n_tokens(model, first, position, count - 1, session.cfg, interval, sample_logits=False)
    finally:
        generate.sample = sample
    return torch.cat([first] + rest, dim=1).numpy().astype(np.int32), torch.stack(seen)


def token_results(official, config, state, cond, emb_mask, windows, scales):
    """All results of a token model; returns (arrays for the .npz, steps, min_margin)."""
    gpt, generate, _ = official
    model = token_model(gpt, config, state)
    grid = config["grid"]
    arrays, steps, margins = {}, {}, {}
    for cfg in scales:
        tokens, logits = official_ntp(generate, Session(gpt, model, cond, emb_mask, cfg), grid * grid)
        key = f"ntp_cfg{cfg:g}"
        arrays[f"{key}_tokens"] = tokens
        arrays[f"{key}_logits_first4_last4"] = torch.cat([logits[:4], logits[-4:]])[None].numpy()
        margins[key] = min(margin(row) for row in logits)
        for window in windows:
            key = f"zipar{window}_cfg{cfg:g}"
            grid_tokens, by_place, passes, margins[key] = zipar(Session(gpt, model, cond, emb_mask, cfg), grid, grid, window)
            if passes != grid + (grid - 1) * window:
                raise AssertionError(f"{key}: {passes} passes")
            if window == grid and (grid_tokens.ravel() != tokens.ravel()).any():
                raise AssertionError(f"{key} differs from next-token decoding")
            arrays[f"{key}_tokens"] = grid_tokens
            arrays[f"{key}_logits_lastrow"] = torch.stack([by_place[grid - 1, j] for j in range(grid)]).numpy()
            steps[f"zipar{window}"] = passes
    return arrays, steps, margins


def make_token_golden(official, out, name, config, windows, scales, classes):
    """Writes NAME.pt, .json, .npz for a class model with random weights."""
    state = random_state(token_model(official[0], config, None), config["seed"])
    arrays, steps, margins = token_results(official, config, state, torch.tensor(classes), None, windows, scales)
    torch.save({"model": state}, os.path.join(out, name + ".pt"))
    write_json(out, name, {"config": config, "steps": steps, "min_margin": margins})
    write_npz(out, name, {"class": np.array(classes, np.int32), **arrays})
    print(f"{name}: smallest margin {min(margins.values()):.6f}")


def interval_results(official):
    """Guidance that ends after cfg_interval, with the weights of c2i-tiny; returns (config, arrays, min_margin)."""
    gpt, generate, _ = official
    config, state, arrays = load_golden("c2i-tiny")
    model = token_model(gpt, config, state)
    cond = torch.from_numpy(arrays["class"]).long()
    result, margins = {"class": arrays["class"]}, {}
    for interval in (0, 10):
        tokens, logits = official_ntp(generate, Session(gpt, model, cond, None, 4.0), config["grid"] ** 2, interval)
        key = f"ntp_cfg4_interval{interval}"
        result[key + "_tokens"] = tokens
        result[key + "_logits"] = logits[None].numpy()
        margins[key] = min(margin(row) for row in logits)
    return config, result, margins


def make_interval(official, out):
    """Writes c2i-tiny-interval."""
    config, arrays, margins = interval_results(official)
    write_json(out, "c2i-tiny-interval", {"checkpoint": "c2i-tiny.pt", "config": config, "min_margin": margins})
    write_npz(out, "c2i-tiny-interval", arrays)
    print(f"c2i-tiny-interval: smallest margin {min(margins.values()):.6f}")


# ---- sampler -----------------------------------------------------------------------------------------------------------------

def sampler_results(official):
    """What distribution the official sampler draws from, for many logits and settings; returns (arrays, nearest mass to a p).

    A nucleus that ends between two equal logits, or whose mass is within 1e-4 of p, would depend on the order in which a sort
    leaves equal values, or on rounding: such cases are left out.
    """
    _, generate, _ = official
    g = torch.Generator().manual_seed(7)
    logits = torch.randn(20, 256, generator=g) * torch.linspace(0.5, 6, 20)[:, None]
    logits[3] = (logits[3] * 2).round() / 2  # many ties
    logits[4] = logits[4].round()
    logits[5, 10:30] = logits[5].max() + 1  # 20 tokens share the first place
    logits[6] = 1.25  # all equal
    logits[7, 40] = 60  # one certain token
    logits[8] -= 1000  # a large offset
    settings = [(1.0, 0, 1.0), (0.7, 0, 1.0), (2.5, 0, 1.0), (1.0, 1, 1.0), (1.0, 5, 1.0), (1.0, 100, 1.0), (1.0, 256, 1.0),
                (1.0, 2000, 1.0), (1.0, 0, 0.9), (1.0, 0, 0.3), (1.0, 0, 0.0), (0.8, 40, 0.95), (1.3, 20, 0.5), (0.0, 0, 1.0)]
    rows, used, probs, gap = [], [], [], float("inf")
    for row in range(len(logits)):
        for temperature, top_k, top_p in settings:
            _, p = generate.sample(logits[row][None, None].clone(), temperature=temperature, top_k=top_k, top_p=top_p,
                                   sample_logits=False)
            if top_p < 1:
                scaled = logits[row][None] / max(temperature, 1e-5)
                if top_k > 0:
                    scaled = generate.top_k_top_p_filtering(scaled, top_k=top_k)
                order = torch.sort(torch.softmax(scaled.double(), -1)[0], descending=True)[0]
                mass = order.cumsum(0)
                kept = int((p[0] > 0).sum())
                cut_in_tie = kept < 256 and order[kept - 1] == order[kept]
                near = float((mass[:-1] - top_p).abs().min())
                if cut_in_tie or near < 1e-4:
                    continue
                gap = min(gap, near)
            rows.append(row)
            used.append((temperature, top_k, top_p))
            probs.append(p[0].numpy())
    return {"logits": logits.numpy(), "row": np.array(rows, np.int32), "temperature": np.array([u[0] for u in used], np.float32),
            "top_k": np.array([u[1] for u in used], np.int32), "top_p": np.array([u[2] for u in used], np.float32),
            "probs": np.stack(probs)}, gap


def make_sampler(official, out):
    """Writes sampler.npz."""
    arrays, gap = sampler_results(official)
    write_npz(out, "sampler", arrays)
    print(f"sampler: {len(arrays['row'])} cases; nucleus masses keep {gap:.6f} away from p")


# ---- image tokenizer ---------------------------------------------------------------------------------------------------------

def vq_model(vq, config, state):
    """The official VQModel for a configuration as in the .json files; state: its weights, or None."""
    groups = config.get("norm_groups", 32)
    normalize = vq.Normalize
    vq.Normalize = lambda channels, norm_type="group": torch.nn.GroupNorm(groups, channels, eps=1e-6, affine=True)
    try:
        mult, z, ch, res = config["ch_mult"], config["z_channels"], config["ch"], config["num_res_blocks"]
        model = vq.VQModel(vq.ModelArgs(codebook_size=config["codebook_size"], codebook_embed_dim=config["codebook_embed_dim"],
                                        encoder_ch_mult=mult, decoder_ch_mult=mult, z_channels=z))
        model.encoder = vq.Encoder(ch=ch, ch_mult=mult, num_res_blocks=res, z_channels=z)
        model.decoder = vq.Decoder(ch=ch, ch_mult=mult, num_res_blocks=res, z_channels=z)
    finally:
        vq.Normalize = normalize
    if state is not None:
        model.load_state_dict(state, strict=False)
    return model.eval()


def random_vq_state(model, seed):
    """Weights at which every block changes the picture: convolutions 1.5 / sqrt(inputs), biases 0.1, norms 1 +- 0.2."""
    g = torch.Generator().manual_seed(seed)
    state = {}
    for name, old in model.state_dict().items():
        if name == "quantize.codebook_used":  # a counter of the training; files without it must load, too
            continue
        noise = torch.randn(old.shape, generator=g)
        if name == "quantize.embedding.weight":
            state[name] = noise
        elif name.endswith(".bias"):
            state[name] = 0.1 * noise
        elif "norm" in name:
            state[name] = 1 + 0.2 * noise
        else:
            state[name] = noise * 1.5 / math.sqrt(old[0].numel())
    return state


def encode(model, image):
    """Codes [h, w] of image [1, 3, H, W] by the official encoder, and the smallest gap between the two nearest codes."""
    features = model.quant_conv(model.encoder(image))
    codes = model.quantize(features)[2][2].reshape(features.shape[2:])
    unit = torch.nn.functional.normalize(features, dim=1)[0].flatten(1).T.double()
    book = torch.nn.functional.normalize(model.quantize.embedding.weight, dim=1).double()
    near = torch.topk(torch.cdist(unit, book) ** 2, 2, largest=False)[0]
    return codes.numpy().astype(np.int32), float((near[:, 1] - near[:, 0]).min())


def decode(model, codes, dim):
    h, w = codes.shape
    return model.decode_code(torch.from_numpy(codes).long().reshape(1, -1), [1, dim, h, w]).numpy()


def make_vq(official, out):
    """Writes vq-g8: GroupNorm with 8 groups, one residual block a level, grids that are not square."""
    config = {"ch": 16, "ch_mult": [1, 2], "z_channels": 16, "codebook_size": 96, "codebook_embed_dim": 4, "num_res_blocks": 1,
              "norm": "GroupNorm(8, eps=1e-6)", "norm_groups": 8, "seed": 136}
    g = torch.Generator().manual_seed(config["seed"] + 1)
    model = vq_model(official[2], config, None)
    state = random_vq_state(model, config["seed"])
    model = vq_model(official[2], config, state)
    codes = torch.randint(0, config["codebook_size"], (4, 6), generator=g).numpy().astype(np.int32)
    # A smooth picture, as an encoder meets: coarse noise, enlarged.
    image = torch.nn.functional.interpolate(torch.rand(1, 3, 4, 5, generator=g) * 2 - 1, size=(12, 20), mode="bilinear",
                                            align_corners=True)
    enc_codes, gap = encode(model, image)
    torch.save({"model": state}, os.path.join(out, "vq-g8.pt"))
    write_json(out, "vq-g8", {"config": config, "min_enc_margin": gap})
    write_npz(out, "vq-g8", {"codes": codes, "image": decode(model, codes, config["codebook_embed_dim"]),
                             "enc_input": image.numpy(), "enc_codes": enc_codes})
    print(f"vq-g8: smallest gap between the two nearest codes {gap:.6f} (squared distance)")


# ---- checks and files --------------------------------------------------------------------------------------------------------

HERE = os.path.dirname(os.path.abspath(__file__))
TOLERANCE = 5e-4  # another matrix library moves logits by 2e-5, and guidance 7.5 makes that 1.5e-4


def load_golden(name):
    """(config, state dict, arrays) of a golden in this folder."""
    with open(os.path.join(HERE, name + ".json")) as f:
        config = json.load(f)["config"]
    state = torch.load(os.path.join(HERE, name + ".pt"), map_location="cpu")["model"]
    return config, state, dict(np.load(os.path.join(HERE, name + ".npz")))


def check(official):
    """Recomputes the goldens that are here; raises on a difference in tokens, codes or steps, or of floats by over TOLERANCE."""
    for name, windows, scales in (("c2i-tiny", (1, 2, 3, 4, 6, 8), (1.0, 4.0)), ("t2i-tiny", (1, 2, 4, 8), (1.0, 7.5)),
                                  ("c2i-hd20", (1, 2, 3, 6), (1.0, 4.0)), ("c2i-gqa", (1, 2, 3, 6), (1.0, 4.0))):
        if not os.path.exists(os.path.join(HERE, name + ".npz")):
            continue
        config, state, want = load_golden(name)
        inputs = {"class", "caption_emb", "caption_mask"} & want.keys()
        if "class" in inputs:
            cond, mask = torch.from_numpy(want["class"]).long(), None
        else:
            mask = torch.from_numpy(want["caption_mask"])
            cond = torch.from_numpy(want["caption_emb"]) * mask[:, :, None]
        got, steps, margins = token_results(official, config, state, cond, mask, windows, scales)
        if got.keys() | inputs != want.keys():
            raise AssertionError(f"{name}: keys {sorted(got.keys() ^ want.keys())}")
        worst = compare(name, got, want)
        with open(os.path.join(HERE, name + ".json")) as f:
            recorded = json.load(f)
        if steps != recorded["steps"] or margins.keys() != recorded["min_margin"].keys():
            raise AssertionError(f"{name}: steps {steps}, margins {margins}")
        off = max(abs(margins[k] - v) for k, v in recorded["min_margin"].items())
        if off > 2 * TOLERANCE:
            raise AssertionError(f"{name}: margins {margins}, want {recorded['min_margin']}")
        print(f"{name}: {len(got)} arrays agree, tokens exactly, logits to {worst:.2g}, margins to {off:.2g}")
    for name, arrays in (("c2i-tiny-interval", lambda: interval_results(official)[1]), ("sampler", lambda: sampler_results(official)[0])):
        path = os.path.join(HERE, name + ".npz")
        if os.path.exists(path):
            print(f"{name}: agrees, floats to {compare(name, arrays(), dict(np.load(path))):.2g}")
    for name in ("vq-tiny", "vq-g8"):
        if not os.path.exists(os.path.join(HERE, name + ".npz")):
            continue
        config, state, want = load_golden(name)
        model = vq_model(official[2], config, state)
        codes, gap = encode(model, torch.from_numpy(want["enc_input"]))
        worst = compare(name, {"image": decode(model, want["codes"], config["codebook_embed_dim"]), "enc_codes": codes}, want)
        print(f"{name}: codes agree exactly (smallest gap {gap:.2g}), pixels to {worst:.2g}")


def compare(name, got, want):
    """Raises if an array of got differs from want's; returns the largest difference between floats."""
    worst = 0.0
    for key, value in got.items():
        if value.dtype != want[key].dtype or value.shape != want[key].shape:
            raise AssertionError(f"{name} {key}: {value.dtype} {value.shape}, want {want[key].dtype} {want[key].shape}")
        if value.dtype == np.float32:
            worst = max(worst, float(np.abs(value - want[key]).max()))
        elif (value != want[key]).any():
            raise AssertionError(f"{name} {key}: {int((value != want[key]).sum())} entries differ")
    if worst > TOLERANCE:
        raise AssertionError(f"{name}: floats differ by {worst:g}")
    return worst


def write_json(out, name, value):
    with open(os.path.join(out, name + ".json"), "w") as f:
        json.dump(value, f, indent=1)
        f.write("\n")


def write_npz(out, name, arrays):
    np.savez_compressed(os.path.join(out, name + ".npz"), **arrays)


def main():
    parser = argparse.ArgumentParser(description="Golden files from the official LlamaGen code.")
    parser.add_argument("--llamagen", required=True, metavar="DIR", help="checkout of the official repository")
    parser.add_argument("--out", default=HERE, metavar="DIR", help="where the files go (default: this script's folder)")
    parser.add_argument("--check", action="store_true", help="recompute the files that are here and compare")
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to make (default: everything)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    official = load_official(args.llamagen)
    if args.check:
        check(official)
        return
    small = {"kind": "c2i", "grid": 6, "layers": 2, "num_classes": 10}
    makers = {
        "c2i-hd20": lambda: make_token_golden(official, args.out, "c2i-hd20", {
            **small, "dim": 60, "heads": 3, "vocab": 200, "seed": 33}, (1, 2, 3, 6), (1.0, 4.0), [7]),
        "c2i-gqa": lambda: make_token_golden(official, args.out, "c2i-gqa", {
            **small, "dim": 64, "heads": 4, "kv_heads": 2, "vocab": 192, "seed": 33}, (1, 2, 3, 6), (1.0, 4.0), [2]),
        "c2i-tiny-interval": lambda: make_interval(official, args.out),
        "sampler": lambda: make_sampler(official, args.out),
        "vq-g8": lambda: make_vq(official, args.out),
    }
    for name in args.names or makers:
        if name not in makers:
            parser.error(f"unknown NAME {name}: {', '.join(makers)}")
        makers[name]()


if __name__ == "__main__":
    main()
