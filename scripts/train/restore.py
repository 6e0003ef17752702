"""Turn a shipped GGUF file back into checkpoints, to train on from: --work/vq.pt and --work/ar.pt. The optimizers start anew.

The corpus and its vocabulary are made again by sprites.py and corpus.py, the same as before.
"""

import argparse
import pathlib
import re

import gguf
import torch

import checkpoints
from ar_model import Transformer
from vq_model import VQ

NAMES = [
    (r"token_embd\.", "tok_embeddings."), (r"output_norm\.", "norm."), (r"output\.", "output."),
    (r"cond\.cap_(fc\d)\.", r"cls_embedding.cap_proj.\1."), (r"cond\.uncond_embd\.weight", "cls_embedding.uncond_embedding"),
    (r"blk\.(\d+)\.attn_norm\.", r"layers.\1.attention_norm."), (r"blk\.(\d+)\.attn_qkv\.", r"layers.\1.attention.wqkv."),
    (r"blk\.(\d+)\.attn_output\.", r"layers.\1.attention.wo."), (r"blk\.(\d+)\.ffn_norm\.", r"layers.\1.ffn_norm."),
    (r"blk\.(\d+)\.ffn_gate\.", r"layers.\1.feed_forward.w1."), (r"blk\.(\d+)\.ffn_up\.", r"layers.\1.feed_forward.w3."),
    (r"blk\.(\d+)\.ffn_down\.", r"layers.\1.feed_forward.w2."),
    (r"enc\.token_embd\.", "text.shared."), (r"enc\.output_norm\.", "text.encoder.final_layer_norm."),
    (r"enc\.blk\.(\d+)\.attn_([qkvo])\.", r"text.encoder.block.\1.layer.0.SelfAttention.\2."),
    (r"enc\.blk\.(\d+)\.attn_rel_b\.", r"text.encoder.block.\1.layer.0.SelfAttention.relative_attention_bias."),
    (r"enc\.blk\.(\d+)\.attn_norm\.", r"text.encoder.block.\1.layer.0.layer_norm."),
    (r"enc\.blk\.(\d+)\.ffn_norm\.", r"text.encoder.block.\1.layer.1.layer_norm."),
    (r"enc\.blk\.(\d+)\.ffn_gate\.", r"text.encoder.block.\1.layer.1.DenseReluDense.wi_0."),
    (r"enc\.blk\.(\d+)\.ffn_up\.", r"text.encoder.block.\1.layer.1.DenseReluDense.wi_1."),
    (r"enc\.blk\.(\d+)\.ffn_down\.", r"text.encoder.block.\1.layer.1.DenseReluDense.wo."),
]


def official_name(name):
    for pattern, replacement in NAMES:
        new, n = re.subn("^" + pattern, replacement, name)
        if n:
            return new
    raise SystemExit(f"tensor {name}: not one of a caption model's")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder to write vq.pt and ar.pt to")
    parser.add_argument("--step", type=int, default=0, help="step that ar.py goes on from: its random numbers follow it")
    parser.add_argument("--vq-step", type=int, default=1250, help="step that vq.py goes on from")
    parser.add_argument("model", type=pathlib.Path, help="the GGUF file")
    args = parser.parse_args()
    vq, ar = {}, {}
    for tensor in gguf.GGUFReader(args.model).tensors:
        shape = [int(n) for n in reversed(tensor.shape)]
        value = torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).copy()).reshape(shape).float()
        if tensor.name.startswith("vq.preview."):
            continue
        if tensor.name.startswith("vq."):
            vq[tensor.name.removeprefix("vq.")] = value
        else:
            ar[official_name(tensor.name)] = value
    ar["text.shared.weight"] = ar["text.shared.weight"][:-100]  # export.py's <extra_id_N>
    ar["hidden_embedding"] = ar["tok_embeddings.weight"].mean(0)  # which is not exported
    # Both must fit the models that the scripts define.
    VQ().load_state_dict(vq)
    Transformer(len(ar["text.shared.weight"])).load_state_dict(ar)
    args.work.mkdir(parents=True, exist_ok=True)
    checkpoints.save(args.work / "vq.pt", model=vq, optimizer=None, step=args.vq_step, whole=True)
    checkpoints.save(args.work / "ar.pt", model=ar, optimizer=None, step=args.step)


if __name__ == "__main__":
    main()
