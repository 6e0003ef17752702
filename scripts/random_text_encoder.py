#!/usr/bin/env python3
"""Writes a T5 encoder with random weights as a folder in Hugging Face's format: config.json, pytorch_model.bin, spiece.model.

    python3 random_text_encoder.py --spiece spiece.model --layers 2 --out t5-random

The default sizes are flan-t5-xl's with fewer layers. The weights are scaled so that the encoder's output is neither flat nor huge. Needs
PyTorch 1.13 or newer.
"""

import argparse
import json
import os
import shutil

import torch


def tensors(args):
    """Names and shapes of transformers' T5EncoderModel, with the standard deviation of each."""
    inner = args.heads * args.head_dim
    yield "shared.weight", (args.vocab, args.dim), 1.5
    for i in range(args.layers):
        block = f"encoder.block.{i}.layer."
        for name, shape in (("q", (inner, args.dim)), ("k", (inner, args.dim)), ("v", (inner, args.dim)), ("o", (args.dim, inner))):
            # T5 does not divide the scores by sqrt(head size): its query weights are small instead.
            yield f"{block}0.SelfAttention.{name}.weight", shape, shape[1] ** -0.5 * (0.25 if name == "q" else 1)
        if i == 0:
            yield block + "0.SelfAttention.relative_attention_bias.weight", (32, args.heads), 1.5
        yield block + "0.layer_norm.weight", (args.dim,), None
        for name, shape in (("wi_0", (args.ffn, args.dim)), ("wi_1", (args.ffn, args.dim)), ("wo", (args.dim, args.ffn))):
            yield f"{block}1.DenseReluDense.{name}.weight", shape, shape[1] ** -0.5
        yield block + "1.layer_norm.weight", (args.dim,), None
    yield "encoder.final_layer_norm.weight", (args.dim,), None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spiece", required=True, metavar="FILE", help="SentencePiece model to put beside the weights")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--layers", type=int, default=2, metavar="N", help="blocks (default 2; flan-t5-xl has 24)")
    parser.add_argument("--dim", type=int, default=2048, metavar="N", help="d_model (default 2048)")
    parser.add_argument("--heads", type=int, default=32, metavar="N", help="attention heads (default 32)")
    parser.add_argument("--head-dim", type=int, default=64, metavar="N", help="d_kv (default 64)")
    parser.add_argument("--ffn", type=int, default=5120, metavar="N", help="d_ff (default 5120)")
    parser.add_argument("--vocab", type=int, default=32128, metavar="N", help="rows of the token embedding (default 32128)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the weights (default 0)")
    args = parser.parse_args()
    generator = torch.Generator().manual_seed(args.seed)
    state = {}
    for name, shape, deviation in tensors(args):
        noise = torch.randn(shape, generator=generator)
        state[name] = 1 + 0.2 * noise if deviation is None else deviation * noise
    state["encoder.embed_tokens.weight"] = state["shared.weight"]
    os.makedirs(args.out, exist_ok=True)
    torch.save(state, os.path.join(args.out, "pytorch_model.bin"))
    shutil.copy(args.spiece, os.path.join(args.out, "spiece.model"))
    config = dict(architectures=["T5EncoderModel"], model_type="t5", d_model=args.dim, d_kv=args.head_dim, d_ff=args.ffn,
                  num_layers=args.layers, num_heads=args.heads, vocab_size=args.vocab, feed_forward_proj="gated-gelu",
                  relative_attention_num_buckets=32, relative_attention_max_distance=128, layer_norm_epsilon=1e-6,
                  tie_word_embeddings=False, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)
    with open(os.path.join(args.out, "config.json"), "w") as f:
        json.dump(config, f, indent=1)


if __name__ == "__main__":
    main()
