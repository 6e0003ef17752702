"""Write the trained parts in the formats that `zipar convert` reads, and convert them: --work/zipar-emoji-TYPE.gguf."""

import argparse
import json
import pathlib
import shutil
import subprocess

import torch
from safetensors.torch import save_file

ATTRIBUTION = pathlib.Path(__file__).resolve().parents[2] / "MODEL_LICENSES.md"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder with vq.pt, ar.pt and tokenizer/")
    parser.add_argument("--zipar", default="zipar", help="the program (default: the one in PATH)")
    parser.add_argument("--types", default="q8_0,f16,f32", help="types of the files, with commas")
    parser.add_argument("--window", type=int, default=4, help="recommended ZipAR window")
    parser.add_argument("--cfg-scale", type=float, default=1.0, help="recommended guidance; 1 is none")
    parser.add_argument("--top-k", type=int, default=0, help="recommended top-k; 0 is all")
    parser.add_argument("--top-p", type=float, default=0.95, help="recommended top-p")
    parser.add_argument("--temp", type=float, default=0.8, help="recommended temperature")
    args = parser.parse_args()
    parts = args.work / "export"
    (parts / "t5").mkdir(parents=True, exist_ok=True)

    vq = torch.load(args.work / "vq.pt", map_location="cpu", weights_only=True)["model"]
    torch.save({"model": {k: v.contiguous() for k, v in vq.items()}}, parts / "vq_ds8_emoji.pt")
    ar = torch.load(args.work / "ar.pt", map_location="cpu", weights_only=True)["model"]
    text = {k.removeprefix("text."): v.contiguous() for k, v in ar.items() if k.startswith("text.")}
    # T5's tokenizers have a hundred <extra_id_N> after the pieces; captions never hold one.
    text["shared.weight"] = torch.cat([text["shared.weight"], torch.zeros(100, text["shared.weight"].shape[1])])
    torch.save({"model": {k: v for k, v in ar.items() if not k.startswith(("text.", "hidden_"))}}, parts / "t2i_emoji_128.pt")
    save_file(text, parts / "t5" / "model.safetensors")
    shutil.copy(args.work / "tokenizer" / "spiece.model", parts / "t5" / "spiece.model")
    query = text["encoder.block.0.layer.0.SelfAttention.q.weight"]
    heads = text["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"].shape[1]
    (parts / "t5" / "config.json").write_text(json.dumps({
        "model_type": "t5", "vocab_size": len(text["shared.weight"]), "d_model": query.shape[1], "d_kv": query.shape[0] // heads,
        "d_ff": len(text["encoder.block.0.layer.1.DenseReluDense.wi_0.weight"]), "num_heads": heads,
        "num_layers": 1 + max(int(k.split(".")[2]) for k in text if k.startswith("encoder.block.")),
        "relative_attention_num_buckets": 32, "relative_attention_max_distance": 128, "layer_norm_epsilon": 1e-6,
        "feed_forward_proj": "gated-gelu"}))
    for kind in args.types.split(","):
        out = args.work / f"zipar-emoji-{kind}.gguf"
        subprocess.run([
            args.zipar, "convert", "--quiet", "--out", out, "--type", kind, "--grid", "16x16", "--heads", "8", "--groups", "8",
            "--vq", parts / "vq_ds8_emoji.pt", "--text-encoder", parts / "t5", "--name", "zipar emoji 128",
            "--license", "MIT AND Apache-2.0 AND CC-BY-4.0", "--attribution", ATTRIBUTION,
            "--cfg-scale", str(args.cfg_scale), "--top-k", str(args.top_k), "--top-p", str(args.top_p), "--temp", str(args.temp),
            "--window", str(args.window), "--fit-preview", parts / "t2i_emoji_128.pt"], check=True)
        print(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
