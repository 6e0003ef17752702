#!/usr/bin/env python3
"""Writes encoder.gguf, a tiny T5 encoder with random weights, and encoder.npz, what transformers' T5EncoderModel makes of
token ids with it.

    pip install torch numpy gguf 'transformers==4.30.2'
    python encoder.py

encoder.gguf has the keys and tensors of llama.cpp's converter for T5EncoderModel with output type f16. The weights are
rounded to f16 before anything is computed with them, so the file holds the model exactly.

encoder.npz:
    ids [120]            the token ids; the case of length n has the first n - 1 of them and the end token, id 1
    full_N [N, dim]      all embeddings for some lengths N
    rows [120, 3, dim]   for every length n: the embeddings of the tokens 0, n/2 and n-1
    padded [120, 3, dim] the same from the ids padded to 120 with id 0, and the attention mask
    buckets [4001]       T5Attention's bucket for the relative positions -2000 .. 2000
"""

import pathlib

import gguf
import numpy as np
import torch
from transformers import T5Config, T5EncoderModel
from transformers.models.t5.modeling_t5 import T5Attention

FULL = [1, 2, 7, 9, 33, 120]
here = pathlib.Path(__file__).parent
torch.manual_seed(20240607)
torch.set_num_threads(1)

config = T5Config(
    vocab_size=64, d_model=32, d_kv=16, d_ff=96, num_layers=3, num_heads=4,
    feed_forward_proj="gated-gelu", layer_norm_epsilon=1e-6, dropout_rate=0.0,
)
model = T5EncoderModel(config).eval()

# Larger than transformers' initialisation: attention that is far from uniform, relative positions that matter, and
# activations that grow from block to block, as trained T5s have them.
with torch.no_grad():
    for name, p in model.named_parameters():
        if "layer_norm" in name:
            p.copy_(1 + 0.3 * torch.randn_like(p))
            continue
        scale = p.shape[-1] ** -0.5
        if "relative_attention_bias" in name or "shared" in name or "embed_tokens" in name:
            scale = 1.5
        elif name.endswith(".q.weight"):
            scale *= 0.5
        elif name.endswith("wo.weight"):
            scale *= 4
        p.copy_((scale * torch.randn_like(p)).half().float())

ids = torch.randint(2, config.vocab_size, (120,))
arrays = {"ids": ids.numpy().astype(np.int32)}
rows, padded = [], []
worst, top = 0.0, 0.0
with torch.no_grad():
    for n in range(1, 121):
        case = torch.cat([ids[: n - 1], torch.tensor([1])])
        out = model(input_ids=case[None]).last_hidden_state[0]
        long = torch.cat([case, torch.zeros(120 - n, dtype=torch.long)])
        mask = (torch.arange(120) < n).long()
        masked = model(input_ids=long[None], attention_mask=mask[None]).last_hidden_state[0, :n]
        worst = max(worst, (out - masked).abs().max().item())
        top = max(top, out.abs().max().item())
        if n in FULL:
            arrays[f"full_{n}"] = out.numpy()
        pick = [0, n // 2, n - 1]
        rows.append(out[pick].numpy())
        padded.append(masked[pick].numpy())
arrays["rows"], arrays["padded"] = np.stack(rows), np.stack(padded)
arrays["buckets"] = T5Attention._relative_position_bucket(torch.arange(-2000, 2001), True, 32, 128).numpy().astype(np.int32)
np.savez(here / "encoder.npz", **arrays)
print(f"largest embedding value {top:.3g}; masked padding changes {worst:.3g}")

w = gguf.GGUFWriter(here / "encoder.gguf", "t5encoder")
w.add_name("tiny")
w.add_context_length(512)
w.add_embedding_length(config.d_model)
w.add_feed_forward_length(config.d_ff)
w.add_block_count(config.num_layers)
w.add_head_count(config.num_heads)
w.add_key_length(config.d_kv)
w.add_value_length(config.d_kv)
w.add_layer_norm_eps(config.layer_norm_epsilon)
w.add_relative_attn_buckets_count(config.relative_attention_num_buckets)
w.add_layer_norm_rms_eps(config.layer_norm_epsilon)
w.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.T5ENCODER, config.num_layers)
for name, p in model.state_dict().items():
    if name == "encoder.embed_tokens.weight":
        continue  # the same tensor as shared.weight
    p = p.numpy()
    keep = p.ndim == 1 or "relative_attention_bias" in name
    w.add_tensor(names.get_name(name, (".weight",)), p if keep else p.astype(np.float16))
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
