#!/usr/bin/env python3
"""Computes the T5 features of a prompt as the official LlamaGen pipeline does, and compares a file of ours with them.

    python3 official_embedding.py --llamagen DIR --t5 FOLDER --prompt TEXT [--compare ours.npy] [--out features.npy]

The prompt is cleaned by LlamaGen's own function (language/t5.py in DIR, a checkout of the official repository), split by Hugging Face's
fast tokenizer and encoded by its T5EncoderModel in float32, padded to 120 tokens and masked; the features of the real tokens are kept.
Needs torch, transformers, sentencepiece, ftfy and beautifulsoup4.
"""

import argparse
import os
import sys

import numpy as np
import torch
from transformers import AutoTokenizer, T5EncoderModel

LIMIT = 120


def clean(llamagen, text):
    """The official cleaning, applied twice as the official code does."""
    sys.path.insert(0, os.path.join(llamagen, "language"))
    import t5
    embedder = t5.T5Embedder.__new__(t5.T5Embedder)  # its constructor loads the whole model
    embedder.use_text_preprocessing = True
    return embedder.text_preprocessing(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llamagen", required=True, metavar="DIR", help="checkout of the official repository")
    parser.add_argument("--t5", required=True, metavar="FOLDER", help="T5 encoder in Hugging Face's format")
    parser.add_argument("--prompt", required=True, metavar="TEXT", help="the prompt")
    parser.add_argument("--out", metavar="FILE", help="write the features to this .npy file")
    parser.add_argument("--compare", metavar="FILE", help="compare with the features in this .npy file")
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    text = clean(args.llamagen, args.prompt)
    tokenizer = AutoTokenizer.from_pretrained(args.t5)
    tokens = tokenizer(text, max_length=LIMIT, padding="max_length", truncation=True, return_attention_mask=True,
                       add_special_tokens=True, return_tensors="pt")
    model = T5EncoderModel.from_pretrained(args.t5).eval()
    out = model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"])["last_hidden_state"]
    n = int(tokens["attention_mask"].sum())
    features = out[:, :n].float().numpy()
    print(f"{text!r}: {n} tokens {tokens['input_ids'][0, :n].tolist()}, largest value {abs(features).max():.3g}")
    if args.out:
        np.save(args.out, features)
    if args.compare:
        ours = np.load(args.compare)
        if ours.shape != features.shape:
            sys.exit(f"shape {ours.shape}, want {features.shape}")
        print(f"largest difference {abs(ours - features).max():.2g}")


if __name__ == "__main__":
    main()
