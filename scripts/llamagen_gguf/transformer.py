"""A class or caption model. Source: LlamaGen gpt.py (Transformer, Attention, FeedForward, LabelEmbedder, CaptionEmbedder)."""

from __future__ import annotations

import argparse
import re

from .errors import OptionError
from .plan import MATRIX, SMALL, Plan, given_or, origin_of
from .rotary import Rotary, read_rotary
from .source import ANY, CAPTION_FC1, CAPTION_FC2, CAPTION_UNCOND, CLASS_TABLE, FREQS, TOK_EMBEDDINGS, Source, shape_text

OFFICIAL_HEADS = {768: 12, 1024: 16, 1280: 20, 1536: 24, 2048: 32, 2560: 40, 3200: 32, 4096: 32}  # by width; gpt.py, GPT_models
LAYER_TENSORS = (  # name, official name, role, shape
    ("attn_norm", "attention_norm", SMALL, ("dim",)),
    ("attn_qkv", "attention.wqkv", MATRIX, ("qkv", "dim")),
    ("attn_output", "attention.wo", MATRIX, ("dim", "dim")),
    ("ffn_norm", "ffn_norm", SMALL, ("dim",)),
    ("ffn_gate", "feed_forward.w1", MATRIX, ("hidden", "dim")),
    ("ffn_up", "feed_forward.w3", MATRIX, ("hidden", "dim")),
    ("ffn_down", "feed_forward.w2", MATRIX, ("dim", "hidden")),
)
QKV = "layers.0.attention.wqkv.weight"


class Transformer:
    """What a transformer's shapes and the options say. Source: LlamaGen gpt.py."""

    def __init__(self, source: Source, options: argparse.Namespace, plan: Plan) -> None:
        self.source, self.options, self.plan = source, options, plan
        self.rope_base = given_or(options.rope_base, 10000.0)
        self.norm_eps = given_or(options.norm_eps, 1e-5)
        plan.chose("rope base", self.rope_base, origin_of(options.rope_base, "the official models"))
        plan.chose("norm epsilon", self.norm_eps, origin_of(options.norm_eps, "the official models"))
        self.vocab, self.dim = source.get(TOK_EMBEDDINGS, ANY, ANY).shape
        self.layers = self.count_layers()
        self.hidden = source.get("layers.0.feed_forward.w1.weight", ANY, self.dim).shape[0]
        self.classes = self.caption_width = 0
        self.prefix = self.read_condition()
        table = read_rotary(source, self.prefix, self.rope_base) if FREQS in source else None
        self.head_size = self.choose_head_size(table)
        self.heads = self.dim // self.head_size
        self.kv_heads = self.count_kv_heads()
        self.grid = self.choose_grid(table)
        self.add_tensors()
        parts = ("layers.", "tok_embeddings.", "norm.", "output.", "cls_embedding.")
        plan.ignored += source.rest(parts, ".kv_cache.")  # left by a model that has generated before it was saved
        plan.models.append(source.describe(self.describe()))

    def count_layers(self) -> int:
        """One more than the highest number; gaps show as missing tensors."""
        numbers = (re.match(r"layers\.([0-9]{1,10})\.", n) for n in self.source.tensors)
        return max((int(m[1]) for m in numbers if m and int(m[1]) < 1 << 31), default=-1) + 1

    def read_condition(self) -> int:
        """The number of condition tokens."""
        source = self.source
        if source.kind == "caption":
            if CLASS_TABLE in source:
                source.fail(CLASS_TABLE, f'the checkpoint has "{CAPTION_UNCOND}" too; a model draws classes or captions')
            prefix, self.caption_width = source.get(CAPTION_UNCOND, ANY, ANY).shape
            return prefix
        table = source.get(CLASS_TABLE, ANY, self.dim)
        self.classes = table.shape[0] - 1
        if self.classes < 1:
            want = "want a row for each class and one more for the unconditional class"
            source.fail(CLASS_TABLE, f"shape {shape_text(table.shape)}: {want}")
        return 1

    def choose_head_size(self, table: Rotary | None) -> int:
        """By --heads, freqs_cis, --kv-heads (the rows of wqkv then tell), or the official models."""
        qkv = self.source.get(QKV, ANY, self.dim)
        size, origin = self.find_head_size(qkv.shape[0], table)
        if size % 4 != 0 or self.dim % size != 0:
            self.source.fail(QKV, f"heads of {size} values (from {origin}): want a multiple of 4 that divides the width {self.dim}")
        self.head_origin = origin
        self.plan.chose("heads", self.dim // size, origin)
        return size

    def find_head_size(self, rows: int, table: Rotary | None) -> tuple[int, str]:
        heads, kv, dim = self.options.heads, self.options.kv_heads, self.dim
        if heads is not None:
            if dim % heads != 0:
                raise OptionError("--heads", f"{heads} does not divide the width {dim} of the model")
            if table and table.head_size != dim // heads:
                here = f"freqs_cis in {self.source.path} has heads of {table.head_size} values"
                makes = f"which makes {dim // table.head_size} heads"
                raise OptionError("--heads", f"{heads} heads of {dim // heads} values, but {here}, {makes}")
            return dim // heads, "--heads"
        if table:
            return table.head_size, FREQS
        if kv is not None:
            if rows <= dim or (rows - dim) % (2 * kv) != 0:
                raise OptionError("--kv-heads", f"{kv} does not fit wqkv of shape [{rows} {dim}] at width {dim}")
            return (rows - dim) // (2 * kv), "--kv-heads and the shape of wqkv"
        if dim in OFFICIAL_HEADS:
            return dim // OFFICIAL_HEADS[dim], f"the official models of width {dim}"
        model = f"how many heads a model of width {dim} has"
        raise OptionError("--heads", f"not given, and nothing in {self.source.path} tells {model}")

    def count_kv_heads(self) -> int:
        dim, size, asked = self.dim, self.head_size, self.options.kv_heads
        rows = self.source.get(QKV, ANY, dim).shape[0]
        shape, heads = f"shape [{rows} {dim}]", f"heads of {size} values (from {self.head_origin})"
        if rows <= dim or (rows - dim) % (2 * size) != 0:
            self.source.fail(QKV, f"{shape}: want {dim} + 2*{size}*(key and value heads) rows, for {heads}")
        kv = (rows - dim) // (2 * size)
        if asked is not None and asked != kv:
            raise OptionError("--kv-heads", f"{asked}, but wqkv of {shape} has {kv} with {heads}")
        if self.heads % kv != 0:
            self.source.fail(QKV, f"{shape}: {self.heads} query heads cannot share {kv} key and value heads")
        self.plan.chose("key and value heads", kv, "the shape of wqkv")
        return kv

    def choose_grid(self, table: Rotary | None) -> tuple[int, int]:
        """--grid or freqs_cis. There is no default: a model of 16x16 and one of 24x24 tokens look the same."""
        asked, window = self.options.grid, self.options.window
        if asked and table and asked != table.grid:
            raise OptionError("--grid", "{}x{}, but freqs_cis of the checkpoint is that of {}x{}".format(*asked, *table.grid))
        grid = asked or (table and table.grid)
        if not grid:
            raise OptionError(
                "--grid",
                "not given, and nothing in the checkpoint tells the grid of image tokens; "
                "256 pixels are 16x16 tokens of 16 pixels, 384 are 24x24, 512 are 32x32",
            )
        self.plan.chose("grid", "{}x{}".format(*grid), origin_of(asked, FREQS))
        if window is not None and window > grid[1]:
            raise OptionError("--window", f"{window}, want at most the {grid[1]} columns of the grid")
        return grid

    def add_tensors(self) -> None:
        source, dim = self.source, self.dim
        add = self.plan.add
        sizes = {"dim": dim, "hidden": self.hidden, "qkv": dim + 2 * self.kv_heads * self.head_size}
        add(source, "token_embd.weight", MATRIX, TOK_EMBEDDINGS, self.vocab, dim)
        for i in range(self.layers):
            for name, original, role, shape in LAYER_TENSORS:
                add(source, f"blk.{i}.{name}.weight", role, f"layers.{i}.{original}.weight", *(sizes[d] for d in shape))
        add(source, "output_norm.weight", SMALL, "norm.weight", dim)
        add(source, "output.weight", MATRIX, "output.weight", self.vocab, dim)
        if source.kind == "class":
            add(source, "cond.class_embd.weight", MATRIX, CLASS_TABLE, self.classes + 1, dim)
            return
        add(source, "cond.cap_fc1.weight", MATRIX, CAPTION_FC1, dim, self.caption_width)
        add(source, "cond.cap_fc2.weight", MATRIX, CAPTION_FC2, dim, dim)
        add(source, "cond.uncond_embd.weight", SMALL, CAPTION_UNCOND, self.prefix, self.caption_width)

    def set_keys(self, pixels: int) -> None:
        """pixels is 0 when no image tokenizer tells."""
        a, plan = "llamagen.", self.plan
        rows, columns = self.grid
        plan.uint32(a + "vocab_size", self.vocab)
        plan.uint32(a + "block_count", self.layers)
        plan.uint32(a + "embedding_length", self.dim)
        plan.uint32(a + "feed_forward_length", self.hidden)
        plan.uint32(a + "context_length", self.prefix + rows * columns)
        plan.uint32(a + "attention.head_count", self.heads)
        plan.uint32(a + "attention.head_count_kv", self.kv_heads)
        plan.uint32(a + "attention.key_length", self.head_size)
        plan.float32(a + "attention.layer_norm_rms_epsilon", self.norm_eps)
        plan.float32(a + "rope.freq_base", self.rope_base)
        plan.uint32(a + "image.rows", rows)
        plan.uint32(a + "image.columns", columns)
        if pixels:
            plan.uint32(a + "image.pixels_per_token", pixels)
        plan.string(a + "condition.kind", self.source.kind)
        plan.uint32(a + "condition.token_count", self.prefix)
        if self.source.kind == "class":
            plan.uint32(a + "condition.class_count", self.classes)
        else:
            plan.uint32(a + "condition.embedding_length", self.caption_width)
        self.set_sampling_keys(a + "sampling.")

    def set_sampling_keys(self, a: str) -> None:
        plan, o = self.plan, self.options
        scale, top_k = (4.0, 2000) if self.source.kind == "class" else (7.5, 1000)  # sample_c2i.py, sample_t2i.py
        plan.float32(a + "cfg_scale", given_or(o.cfg_scale, scale))
        plan.int32(a + "cfg_interval", given_or(o.cfg_interval, -1))
        plan.float32(a + "temperature", given_or(o.temp, 1.0))
        plan.uint32(a + "top_k", given_or(o.top_k, top_k))
        plan.float32(a + "top_p", given_or(o.top_p, 1.0))
        if o.window is not None:
            plan.uint32(a + "window", o.window)

    def describe(self) -> str:
        what = f"class model of {self.classes} classes"
        if self.source.kind == "caption":
            what = f"caption model of {self.prefix} caption tokens"
        sizes = f"{self.layers} layers, width {self.dim}, {self.heads} heads of {self.head_size} values, vocabulary {self.vocab}"
        return f"LlamaGen {what}: {sizes}"
